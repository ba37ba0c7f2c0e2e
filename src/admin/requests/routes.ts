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
    'Why it was answered as it was: the verdict, what it was decided from, the counters at that moment, and what it left behind. Written within a second of the request, and kept as long as raw usage events. Name the organization where several have an event of that id, or to be quicker.',
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
