import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { Problem } from '../../problems.ts'
import { resendForOperator } from '../../webhooks/send-manually.ts'
import { findDelivery, listDeliveries } from './queries.ts'
import { AdminDelivery, AdminDeliveryList, DeliveryParams, DeliveryQuery } from './schemas.ts'
import { toAdminDelivery } from './serialize.ts'

const common = { allow: 'administrator', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/deliveries',
  operationId: 'listAllWebhookDeliveries',
  service: 'platform:webhooks:write',
  summary: 'List webhook deliveries',
  description: 'Deliveries of the last 30 days to the endpoints of all organizations, newest first.',
  query: DeliveryQuery,
  returns: { 200: AdminDeliveryList },
})

const resendRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/deliveries/{id}/resend',
  operationId: 'resendAnyWebhookDelivery',
  service: 'platform:webhooks:write',
  summary: "Send an event to a customer's endpoint again",
  description:
    'Sends a delivered or failed event again right after the response, with the same `webhook-id` and all retries.',
  params: DeliveryParams,
  creates: true,
  returns: { 202: AdminDelivery },
  fails: ['webhook_delivery_not_found', 'webhook_endpoint_not_found', 'webhook_endpoint_off'],
})

export const adminDeliveryRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, ...rest } = c.req.valid('query')
    const filter = { ...rest, organization_id: c.var.organizationId }
    const rows = await listDeliveries(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toAdminDelivery), next_cursor }, 200)
  })
  .openapi(resendRoute, async (c) => {
    const { deps, principal } = c.var
    const row = await findDelivery(deps.db, c.req.valid('param').id)
    if (!row) throw new Problem('webhook_delivery_not_found')
    const { id: deliveryId, organizationId, isOperator, endpointId: id } = row
    const restarted = await resendForOperator(deps, {
      actor: principal,
      one: { organizationId, isOperator, id },
      deliveryId,
      describe: (delivery) => toAdminDelivery({ ...row, ...delivery }),
    })
    return c.json(toAdminDelivery({ ...row, ...restarted }), 202)
  })
