import { apiRoute, newRouter } from '../api/api-route.ts'
import { pageEnd } from '../http/paging.ts'
import { page } from '../lib/cursor.ts'
import { changeEndpoint, createEndpoint, getEndpoint, removeEndpoint, rotateSecret } from './endpoints.ts'
import { type EndpointOwner, listDeliveries, listEndpoints } from './queries.ts'
import {
  DeliveryParams,
  EndpointListQuery,
  EndpointParams,
  NewWebhookEndpoint,
  OrganizationQuery,
  WebhookDelivery,
  WebhookDeliveryList,
  WebhookEndpoint,
  WebhookEndpointChanges,
  WebhookEndpointList,
  WebhookEndpointWithSecret,
} from './schemas.ts'
import { resend, testEndpoint } from './send-manually.ts'
import { toDelivery, toEndpoint } from './serialize.ts'

const tag = 'Webhooks'

const createEndpointRoute = apiRoute({
  allow: 'webhooks:write',
  method: 'post',
  path: '/webhook-endpoints',
  tag,
  operationId: 'createWebhookEndpoint',
  summary: 'Create a webhook endpoint',
  description: 'Events are sent to it, signed according to Standard Webhooks. Only this response contains the secret.',
  body: NewWebhookEndpoint,
  creates: true,
  credentials: true,
  returns: { 201: WebhookEndpointWithSecret },
  fails: ['webhook_endpoint_limit_reached', 'organization_not_found'],
})

const listEndpointsRoute = apiRoute({
  allow: 'webhooks:read',
  method: 'get',
  path: '/webhook-endpoints',
  tag,
  operationId: 'listWebhookEndpoints',
  summary: 'List webhook endpoints',
  description: 'Newest first. Secrets are not included.',
  query: EndpointListQuery,
  returns: { 200: WebhookEndpointList },
  fails: ['organization_not_found'],
})

const one = {
  tag,
  params: EndpointParams,
  query: OrganizationQuery,
  path: '/webhook-endpoints/{id}',
  fails: ['webhook_endpoint_not_found', 'organization_not_found'],
} as const

const getEndpointRoute = apiRoute({
  ...one,
  allow: 'webhooks:read',
  method: 'get',
  operationId: 'getWebhookEndpoint',
  summary: 'Get a webhook endpoint',
  returns: { 200: WebhookEndpoint },
})

const changeEndpointRoute = apiRoute({
  ...one,
  allow: 'webhooks:write',
  method: 'patch',
  operationId: 'updateWebhookEndpoint',
  summary: 'Change a webhook endpoint',
  description: 'Absent fields stay unchanged.',
  body: WebhookEndpointChanges,
  credentials: true,
  returns: { 200: WebhookEndpoint },
})

const removeEndpointRoute = apiRoute({
  ...one,
  allow: 'webhooks:write',
  method: 'delete',
  operationId: 'deleteWebhookEndpoint',
  summary: 'Delete a webhook endpoint',
  description: 'Also deletes its deliveries. Waiting deliveries are not sent.',
  credentials: true,
  returns: { 204: null },
})

const rotateSecretRoute = apiRoute({
  ...one,
  allow: 'webhooks:write',
  method: 'post',
  path: '/webhook-endpoints/{id}/rotate-secret',
  operationId: 'rotateWebhookSecret',
  summary: 'Rotate the secret of a webhook endpoint',
  description: 'For 24 hours, deliveries carry a signature with the new secret and one with the old secret.',
  creates: true,
  credentials: true,
  returns: { 200: WebhookEndpointWithSecret },
})

const testRoute = apiRoute({
  ...one,
  allow: 'webhooks:write',
  method: 'post',
  path: '/webhook-endpoints/{id}/test',
  operationId: 'sendTestWebhook',
  summary: 'Send a test event',
  description:
    'Sends one `webhook.test` event, without retries, right after the response. The list of deliveries shows the result.',
  creates: true,
  credentials: true,
  returns: { 202: WebhookDelivery },
  fails: [...one.fails, 'webhook_endpoint_off', 'rate_limited'],
})

const listDeliveriesRoute = apiRoute({
  ...one,
  allow: 'webhooks:read',
  method: 'get',
  path: '/webhook-endpoints/{id}/deliveries',
  operationId: 'listWebhookDeliveries',
  summary: 'List deliveries',
  description: 'Newest first. Deliveries are kept for 30 days.',
  query: EndpointListQuery,
  returns: { 200: WebhookDeliveryList },
})

const resendRoute = apiRoute({
  ...one,
  allow: 'webhooks:write',
  method: 'post',
  path: '/webhook-endpoints/{id}/deliveries/{delivery_id}/resend',
  operationId: 'resendWebhookDelivery',
  summary: 'Resend an event',
  description: 'Sends it with the same `webhook-id`, right after the response, with all retries.',
  params: DeliveryParams,
  creates: true,
  credentials: true,
  returns: { 202: WebhookDelivery },
  fails: [...one.fails, 'webhook_delivery_not_found', 'webhook_endpoint_off', 'rate_limited'],
})

/** An organization's endpoints. The operator's endpoints have their own routes. */
const ofOrganization = (organizationId: string): EndpointOwner => ({ organizationId, isOperator: false })

export const webhookRoutes = newRouter()
  .openapi(createEndpointRoute, async (c) => {
    const { deps, principal, organizationId } = c.var
    const request = c.req.valid('json')
    const { endpoint, secret } = await createEndpoint(deps, principal, ofOrganization(organizationId), request)
    return c.json({ ...toEndpoint(endpoint), secret }, 201)
  })
  .openapi(listEndpointsRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listEndpoints(c.var.deps.db, ofOrganization(c.var.organizationId), {
      limit,
      after: pageEnd(cursor),
    })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toEndpoint), next_cursor }, 200)
  })
  .openapi(getEndpointRoute, async (c) => {
    const { organizationId, deps } = c.var
    return c.json(
      toEndpoint(await getEndpoint(deps, { ...ofOrganization(organizationId), ...c.req.valid('param') })),
      200,
    )
  })
  .openapi(changeEndpointRoute, async (c) => {
    const { organizationId, deps, principal } = c.var
    const endpoint = { ...ofOrganization(organizationId), ...c.req.valid('param') }
    return c.json(toEndpoint(await changeEndpoint(deps, principal, endpoint, c.req.valid('json'))), 200)
  })
  .openapi(removeEndpointRoute, async (c) => {
    const { organizationId, deps, principal } = c.var
    await removeEndpoint(deps, principal, { ...ofOrganization(organizationId), ...c.req.valid('param') })
    return c.body(null, 204)
  })
  .openapi(rotateSecretRoute, async (c) => {
    const { organizationId, deps, principal } = c.var
    const { endpoint, secret } = await rotateSecret(deps, principal, {
      ...ofOrganization(organizationId),
      ...c.req.valid('param'),
    })
    return c.json({ ...toEndpoint(endpoint), secret }, 200)
  })
  .openapi(testRoute, async (c) => {
    const { organizationId, deps, principal } = c.var
    return c.json(
      toDelivery(await testEndpoint(deps, principal, { ...ofOrganization(organizationId), ...c.req.valid('param') })),
      202,
    )
  })
  .openapi(listDeliveriesRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const endpoint = { ...ofOrganization(c.var.organizationId), ...c.req.valid('param') }
    await getEndpoint(c.var.deps, endpoint)
    const rows = await listDeliveries(c.var.deps.db, endpoint, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toDelivery), next_cursor }, 200)
  })
  .openapi(resendRoute, async (c) => {
    const { organizationId, deps, principal } = c.var
    const { id, delivery_id } = c.req.valid('param')
    return c.json(
      toDelivery(await resend(deps, principal, { ...ofOrganization(organizationId), id }, delivery_id)),
      202,
    )
  })
