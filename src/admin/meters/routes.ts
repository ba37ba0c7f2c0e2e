import { apiRoute, newRouter } from '../../api/api-route.ts'
import { changeMeter, createMeter, deleteMeter, getMeter, listMeters } from './actions.ts'
import { Meter, MeterChanges, MeterList, MeterParams, NewMeter } from './schemas.ts'

const common = { allow: 'administrator', service: 'platform:plans:write', tag: 'Administration' } as const
const READ = 'platform:plans:read'
const one = { ...common, path: '/admin/meters/{slug}', params: MeterParams } as const

const listRoute = apiRoute({
  ...common,
  service: READ,
  method: 'get',
  path: '/admin/meters',
  operationId: 'listMeters',
  summary: 'List meters',
  description: 'All meters, built-in ones first.',
  returns: { 200: MeterList },
})

const createRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/meters',
  operationId: 'createMeter',
  summary: 'Define a meter',
  description: 'Requests can name it in `quantities`, and plans can limit it.',
  creates: true,
  body: NewMeter,
  returns: { 201: Meter },
  fails: ['meter_exists', 'meter_limit_reached'],
})

const getRoute = apiRoute({
  ...one,
  service: READ,
  method: 'get',
  operationId: 'getMeter',
  summary: 'Get a meter',
  returns: { 200: Meter },
  fails: ['meter_not_found'],
})

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updateMeter',
  summary: 'Rename a meter or its unit',
  description: 'What is absent stays. Slug, kind and scale never change.',
  body: MeterChanges,
  returns: { 200: Meter },
  fails: ['meter_not_found', 'meter_protected'],
})

const deleteRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'deleteMeter',
  summary: 'Delete a meter',
  description: 'One that no plan or organization limits, and of which nothing was ever recorded.',
  returns: { 204: null },
  fails: ['meter_not_found', 'meter_protected', 'meter_in_use'],
})

export const adminMeterRoutes = newRouter()
  .openapi(listRoute, async (c) => c.json({ data: await listMeters(c.var.deps), next_cursor: null }, 200))
  .openapi(createRoute, async (c) => c.json(await createMeter(c.var.deps, c.var.operator, c.req.valid('json')), 201))
  .openapi(getRoute, async (c) => c.json(await getMeter(c.var.deps, c.req.valid('param').slug), 200))
  .openapi(changeRoute, async (c) => {
    const change = { operator: c.var.operator, slug: c.req.valid('param').slug, changes: c.req.valid('json') }
    return c.json(await changeMeter(c.var.deps, change), 200)
  })
  .openapi(deleteRoute, async (c) => {
    await deleteMeter(c.var.deps, c.var.operator, c.req.valid('param').slug)
    return c.body(null, 204)
  })
