import { apiRoute, newRouter } from '../../api/api-route.ts'
import {
  changeGatewayRoute,
  createGatewayRoute,
  deleteGatewayRoute,
  getGatewayRoute,
  listGatewayRoutes,
} from './actions.ts'
import { GatewayRoute, GatewayRouteChanges, GatewayRouteList, GatewayRouteParams, NewGatewayRoute } from './schemas.ts'

/** Not for `service`: a route contains credentials of other systems, and decides where customers' keys are valid. */
const common = { allow: 'administrator', tag: 'Gateway' } as const
const one = { ...common, path: '/admin/routes/{id}', params: GatewayRouteParams } as const

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/routes',
  operationId: 'listGatewayRoutes',
  summary: 'List the routes of the gateway',
  description: 'All of them, by slug.',
  returns: { 200: GatewayRouteList },
})

const createRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/routes',
  operationId: 'createGatewayRoute',
  summary: 'Create a route of the gateway',
  description: 'It takes effect everywhere within ten seconds.',
  creates: true,
  body: NewGatewayRoute,
  returns: { 201: GatewayRoute },
  fails: ['route_slug_taken', 'route_match_taken', 'route_limit_reached'],
})

const getRoute = apiRoute({
  ...one,
  method: 'get',
  operationId: 'getGatewayRoute',
  summary: 'Get a route of the gateway',
  returns: { 200: GatewayRoute },
  fails: ['route_not_found'],
})

const changeRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updateGatewayRoute',
  summary: 'Change a route of the gateway',
  description: 'Absent fields stay unchanged. Takes effect everywhere within ten seconds.',
  body: GatewayRouteChanges,
  returns: { 200: GatewayRoute },
  fails: ['route_not_found', 'route_slug_taken', 'route_match_taken'],
})

const deleteOneRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'deleteGatewayRoute',
  summary: 'Delete a route of the gateway',
  description: 'It may still be served for ten seconds.',
  returns: { 204: null },
  fails: ['route_not_found'],
})

export const adminGatewayRoutes = newRouter()
  .openapi(listRoute, async (c) => c.json({ data: await listGatewayRoutes(c.var.deps), next_cursor: null }, 200))
  .openapi(createRoute, async (c) =>
    c.json(await createGatewayRoute(c.var.deps, c.var.operator, c.req.valid('json')), 201),
  )
  .openapi(getRoute, async (c) => c.json(await getGatewayRoute(c.var.deps, c.req.valid('param').id), 200))
  .openapi(changeRoute, async (c) => {
    const change = { operator: c.var.operator, id: c.req.valid('param').id, changes: c.req.valid('json') }
    return c.json(await changeGatewayRoute(c.var.deps, change), 200)
  })
  .openapi(deleteOneRoute, async (c) => {
    await deleteGatewayRoute(c.var.deps, c.var.operator, c.req.valid('param').id)
    return c.body(null, 204)
  })
