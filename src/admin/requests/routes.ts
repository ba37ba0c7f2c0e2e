import { apiRoute, newRouter } from '../../api/api-route.ts'
import { inspectRequest } from './inspect.ts'
import { InspectedRequest, RequestParams, RequestQuery } from './schemas.ts'
import { toInspectedRequest } from './serialize.ts'

const inspectRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:usage:read',
  tag: 'Administration',
  method: 'get',
  path: '/admin/requests/{request_id}',
  operationId: 'inspectRequest',
  summary: 'Inspect a request',
  description:
    'Explains the response: the verdict, the data it was decided from, the counters at that moment, and its effects. Written within a second of the request, and kept as long as raw usage events. Name the organization if several have an event with that id, or to make the look-up faster.',
  params: RequestParams,
  query: RequestQuery,
  returns: { 200: InspectedRequest },
  fails: ['request_not_found'],
})

export const adminRequestRoutes = newRouter().openapi(inspectRoute, async (c) => {
  const { deps, operator, organizationId } = c.var
  const { from, to } = c.req.valid('query')
  const range = { ...(from && { from: Date.parse(from) }), ...(to && { to: Date.parse(to) }) }
  const requestId = c.req.valid('param').request_id
  const inspected = await inspectRequest(deps, { operator, requestId, organizationId, range })
  return c.json(toInspectedRequest(inspected), 200)
})
