import type * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { dateToIso } from '../../lib/iso.ts'
import { lazily } from '../../lib/lazily.ts'
import { Problem } from '../../problems.ts'
import { type BillingEventView, findBillingEvent, listBillingEvents } from './queries.ts'
import { AdminBillingEvent, AdminBillingEventList, BillingEventParams, BillingEventQuery } from './schemas.ts'

const loadReplay = lazily(() => import('../../billing/reconcile/replay.ts'))

const common = { allow: 'administrator', tag: 'Administration' } as const

const listRoute = apiRoute({
  ...common,
  method: 'get',
  path: '/admin/billing/events',
  operationId: 'listBillingEvents',
  service: 'platform:billing:read',
  summary: 'List events of payment providers',
  description:
    'Newest first, with the outcome of each event. Payloads are not included, because they contain names and addresses of payers.',
  query: BillingEventQuery,
  returns: { 200: AdminBillingEventList },
})

const replayRoute = apiRoute({
  ...common,
  method: 'post',
  path: '/admin/billing/events/{id}/replay',
  operationId: 'replayBillingEvent',
  service: 'platform:billing:write',
  summary: 'Process an event of a payment provider again',
  description:
    'Runs the code of the first delivery, whether that succeeded or failed. An event about a subscription only selects the one to fetch from the provider, and a payment, refund or dispute about credits counts once, by its id at the provider. So replaying an old event is harmless: if nothing differs, the outcome is `unchanged`. One exception: a lost dispute about credits that was handled before migration 0057 would be taken back twice.',
  params: BillingEventParams,
  creates: true,
  returns: { 200: AdminBillingEvent },
  fails: [
    'billing_event_not_found',
    'billing_event_reduced',
    'webhook_in_progress',
    'billing_event_failed',
    'misconfigured',
    'billing_unavailable',
    'billing_refused',
    'subscription_locked',
  ],
})

export const adminBillingEventRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    const { limit, cursor, ...rest } = c.req.valid('query')
    const filter = { ...rest, organization_id: c.var.organizationId }
    const rows = await listBillingEvents(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toBillingEvent), next_cursor }, 200)
  })
  .openapi(replayRoute, async (c) => {
    const { deps, principal } = c.var
    const { id } = c.req.valid('param')
    const { replayEvent } = await loadReplay() // lazy: it imports both providers
    await replayEvent(deps, principal, id)
    const event = await findBillingEvent(deps.db, id)
    if (!event) throw new Problem('billing_event_not_found')
    return c.json(toBillingEvent(event), 200)
  })

function toBillingEvent(row: BillingEventView): z.output<typeof AdminBillingEvent> {
  return {
    id: row.id,
    event_id: row.eventId,
    provider: row.provider,
    type: row.type,
    state: row.state,
    outcome: row.outcome,
    error: row.error,
    attempts: row.attempts,
    organization_id: row.organizationId,
    occurred_at: row.occurredAt.toISOString(),
    received_at: row.receivedAt.toISOString(),
    processed_at: dateToIso(row.processedAt),
  }
}
