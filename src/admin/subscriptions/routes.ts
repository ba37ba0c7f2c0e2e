import type * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { toSubscription } from '../../billing/info.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { dateToIso } from '../../lib/iso.ts'
import { listSubscriptions } from './queries.ts'
import { type AdminSubscription, AdminSubscriptionList, SubscriptionQuery } from './schemas.ts'

const listRoute = apiRoute({
  allow: 'administrator',
  method: 'get',
  path: '/admin/subscriptions',
  operationId: 'listSubscriptions',
  service: 'platform:billing:read',
  tag: 'Administration',
  summary: 'List subscriptions',
  description: 'Subscriptions of all organizations, including ended ones, newest first.',
  query: SubscriptionQuery,
  returns: { 200: AdminSubscriptionList },
})

export const adminSubscriptionRoutes = newRouter().openapi(listRoute, async (c) => {
  const { limit, cursor, ...rest } = c.req.valid('query')
  const filter = { ...rest, organization_id: c.var.organizationId }
  const rows = await listSubscriptions(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
  const { data, next_cursor } = page(rows, limit)
  return c.json({ data: data.map(toAdminSubscription), next_cursor }, 200)
})

type Row = Awaited<ReturnType<typeof listSubscriptions>>[number]

function toAdminSubscription(row: Row): z.output<typeof AdminSubscription> {
  return {
    id: row.id,
    organization_id: row.organizationId,
    ...toSubscription(row),
    provider_subscription_id: row.providerSubscriptionId,
    provider_customer_id: row.providerCustomerId,
    is_current: row.isCurrent,
    ended_at: dateToIso(row.endedAt),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}
