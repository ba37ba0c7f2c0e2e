import { apiRoute, newRouter } from '../api/api-route.ts'
import { pageQuery } from '../http/fields.ts'
import { pageEnd } from '../http/paging.ts'
import { page } from '../lib/cursor.ts'
import { changeEndpoint, createEndpoint, getEndpoint, removeEndpoint, rotateSecret } from './endpoints.ts'
import { findOperator, listDeliveries, listEndpoints } from './queries.ts'
import {
  EndpointParams,
  NewOperatorEndpoint,
  WebhookDelivery,
  WebhookDeliveryList,
  WebhookEndpoint,
  WebhookEndpointChanges,
  WebhookEndpointList,
  WebhookEndpointWithSecret,
} from './schemas.ts'
import { testEndpoint } from './send-manually.ts'
import { toDelivery, toEndpoint } from './serialize.ts'

const common = { allow: 'administrator', service: 'platform:webhooks:write', tag: 'Administration' } as const

const createEndpointRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/webhooks',
  operationId: 'createOperatorWebhook',
  summary: 'Create an operator webhook endpoint',
  description:
    'Events of all organizations are sent to it, signed according to Standard Webhooks. Only this response contains the secret.',
  body: NewOperatorEndpoint,
  creates: true,
  returns: { 201: WebhookEndpointWithSecret },
  fails: ['webhook_endpoint_limit_reached'],
})

const listEndpointsRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/webhooks',
  operationId: 'listOperatorWebhooks',
  summary: 'List operator webhook endpoints',
  description: 'Newest first. Secrets are not included.',
  query: pageQuery,
  returns: { 200: WebhookEndpointList },
})

const one = {
  ...common,
  params: EndpointParams,
  path: '/admin/webhooks/{id}',
  fails: ['webhook_endpoint_not_found'],
} as const

const getEndpointRoute = apiRoute({
  ...one,
  method: 'get',
  operationId: 'getOperatorWebhook',
  summary: 'Get an operator webhook endpoint',
  returns: { 200: WebhookEndpoint },
})

const changeEndpointRoute = apiRoute({
  ...one,
  method: 'patch',
  operationId: 'updateOperatorWebhook',
  summary: 'Change an operator webhook endpoint',
  description: 'Absent fields stay unchanged.',
  body: WebhookEndpointChanges,
  returns: { 200: WebhookEndpoint },
})

const removeEndpointRoute = apiRoute({
  ...one,
  method: 'delete',
  operationId: 'deleteOperatorWebhook',
  summary: 'Delete an operator webhook endpoint',
  description: 'Also deletes its deliveries. Waiting deliveries are not sent.',
  returns: { 204: null },
})

const rotateSecretRoute = apiRoute({
  ...one,
  method: 'post',
  path: '/admin/webhooks/{id}/rotate-secret',
  operationId: 'rotateOperatorWebhookSecret',
  summary: 'Rotate the secret of an operator webhook endpoint',
  description: 'For 24 hours, deliveries carry a signature with the new secret and one with the old secret.',
  creates: true,
  returns: { 200: WebhookEndpointWithSecret },
})

const testRoute = apiRoute({
  ...one,
  method: 'post',
  path: '/admin/webhooks/{id}/test',
  operationId: 'sendOperatorTestWebhook',
  summary: 'Send a test event to the operator',
  description:
    'Sends one `webhook.test` event, without retries, right after the response. The list of deliveries shows the result.',
  creates: true,
  returns: { 202: WebhookDelivery },
  fails: [...one.fails, 'webhook_endpoint_off', 'rate_limited'],
})

const listDeliveriesRoute = apiRoute({
  ...one,
  method: 'get',
  path: '/admin/webhooks/{id}/deliveries',
  operationId: 'listOperatorWebhookDeliveries',
  summary: 'List deliveries to the operator',
  description: 'Newest first. Deliveries are kept for 30 days.',
  query: pageQuery,
  returns: { 200: WebhookDeliveryList },
})

export const operatorWebhookRoutes = newRouter()
  .openapi(createEndpointRoute, async (c) => {
    const { deps, principal } = c.var
    const { endpoint, secret } = await createEndpoint(deps, principal, await findOperator(deps.db), c.req.valid('json'))
    return c.json({ ...toEndpoint(endpoint), secret }, 201)
  })
  .openapi(listEndpointsRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listEndpoints(c.var.deps.db, await findOperator(c.var.deps.db), {
      limit,
      after: pageEnd(cursor),
    })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toEndpoint), next_cursor }, 200)
  })
  .openapi(getEndpointRoute, async (c) => {
    const { deps } = c.var
    return c.json(
      toEndpoint(await getEndpoint(deps, { ...(await findOperator(deps.db)), ...c.req.valid('param') })),
      200,
    )
  })
  .openapi(changeEndpointRoute, async (c) => {
    const { deps, principal } = c.var
    const endpoint = { ...(await findOperator(deps.db)), ...c.req.valid('param') }
    return c.json(toEndpoint(await changeEndpoint(deps, principal, endpoint, c.req.valid('json'))), 200)
  })
  .openapi(removeEndpointRoute, async (c) => {
    const { deps, principal } = c.var
    await removeEndpoint(deps, principal, { ...(await findOperator(deps.db)), ...c.req.valid('param') })
    return c.body(null, 204)
  })
  .openapi(rotateSecretRoute, async (c) => {
    const { deps, principal } = c.var
    const { endpoint, secret } = await rotateSecret(deps, principal, {
      ...(await findOperator(deps.db)),
      ...c.req.valid('param'),
    })
    return c.json({ ...toEndpoint(endpoint), secret }, 200)
  })
  .openapi(testRoute, async (c) => {
    const { deps, principal } = c.var
    return c.json(
      toDelivery(await testEndpoint(deps, principal, { ...(await findOperator(deps.db)), ...c.req.valid('param') })),
      202,
    )
  })
  .openapi(listDeliveriesRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const endpoint = { ...(await findOperator(c.var.deps.db)), ...c.req.valid('param') }
    await getEndpoint(c.var.deps, endpoint)
    const rows = await listDeliveries(c.var.deps.db, endpoint, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toDelivery), next_cursor }, 200)
  })
