import { apiRoute, newRouter } from '../../api/api-route.ts'
import { createPrice, deletePrice, listOwnPrices } from './actions.ts'
import { NewPrice, Price, PriceList, PriceListQuery, PriceParams } from './schemas.ts'

const common = { allow: 'administrator', service: 'platform:plans:write', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  service: 'platform:plans:read',
  method: 'get',
  path: '/admin/prices',
  operationId: 'listOwnModelPrices',
  summary: 'List your own prices of models',
  description: 'By provider, model and kind, newest first. They take precedence over the built-in price list.',
  query: PriceListQuery,
  returns: { 200: PriceList },
})

const createRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/prices',
  operationId: 'createOwnModelPrice',
  summary: 'Set a price of a model',
  description: `The price that your provider charges. If several prices match an event, the name of a model takes precedence over patterns, a longer pattern over
a shorter one, and a provider over \`*\`; among equal ones, the newest \`valid_from\` that is not after the event. Takes effect everywhere within
six seconds, for events that are recorded from then on.`,
  creates: true,
  body: NewPrice,
  returns: { 201: Price },
  fails: ['price_exists', 'price_limit_reached'],
})

const deleteRoute = apiRoute({
  ...common,
  method: 'delete',
  path: '/admin/prices/{id}',
  params: PriceParams,
  operationId: 'deleteOwnModelPrice',
  summary: 'Delete a price of a model',
  description: 'Events that were recorded with it keep their cost.',
  returns: { 204: null },
  fails: ['price_not_found'],
})

export const adminPriceRoutes = newRouter()
  .openapi(listRoute, async (c) =>
    c.json({ data: await listOwnPrices(c.var.deps, c.req.valid('query')), next_cursor: null }, 200),
  )
  .openapi(createRoute, async (c) => c.json(await createPrice(c.var.deps, c.var.operator, c.req.valid('json')), 201))
  .openapi(deleteRoute, async (c) => {
    await deletePrice(c.var.deps, c.var.operator, c.req.valid('param').id)
    return c.body(null, 204)
  })
