import { sql } from 'drizzle-orm'
import { keepAnswer } from '../api/idempotency.ts'
import type { AuditAction } from '../audit/actions.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import { requireThat, tryBatch } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { TEST_EVENT } from '../events/event-types.ts'
import { insertDeliveryTo, sendSoon, type WebhookEvent, webhookEvent } from '../events/publish.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { getEndpoint } from './endpoints.ts'
import { type DeliveryView, type EndpointOf, findDelivery, findDueTime, isWaiting, restartDelivery } from './queries.ts'
import { toDelivery } from './serialize.ts'

/**
 * Sends a test event to an endpoint, whatever it asks for. It is tried once, right after the answer.
 *
 * @throws Problem `webhook_endpoint_not_found`, `webhook_endpoint_off`, `rate_limited`
 */
export async function testEndpoint(deps: ManagementDeps, actor: Principal, one: EndpointOf): Promise<DeliveryView> {
  const { organizationId, id } = one
  await enforceRateLimits(deps, { webhook_send_account: { account: organizationId } })
  const data = { endpoint_id: id, organization_id: organizationId }
  const event = webhookEvent(deps.now(), { organizationId, type: TEST_EVENT, data })
  const ids = sql`string_to_array(${event.deliveryIds.join(',')}, ',')::uuid[]`
  const target = { type: 'webhook_endpoint', id } as const
  const sent = await describeTest(deps, one, event)
  const answer = await keepAnswer(deps, 202, toDelivery(sent))
  const done = await tryBatch(deps.db, {
    delivery: deps.db.execute(insertDeliveryTo(id, event)),
    due: requireThat(deps.db, isWaiting(one, ids)),
    audit: audited(deps, { action: 'webhook_endpoint.tested', actor, organizationId, target }),
    answer,
  })
  if (!done) throw await whyNothingIsSent(deps, one)
  sendSoon(deps, event)
  return sent
}

/**
 * Sends an event to an endpoint once more, under the same `webhook-id`, whether it was delivered or given up.
 *
 * @throws Problem `webhook_endpoint_not_found`, `webhook_delivery_not_found`, `webhook_endpoint_off`, `rate_limited`
 */
export async function resend(
  deps: ManagementDeps,
  actor: Principal,
  one: EndpointOf,
  deliveryId: string,
): Promise<DeliveryView> {
  await enforceRateLimits(deps, { webhook_send_account: { account: one.organizationId } })
  const action = 'webhook_endpoint.event_resent'
  return restart(deps, { action, actor, one, deliveryId, describe: toDelivery })
}

/**
 * The same for the operator, whom the organization's rate limit does not concern.
 *
 * @throws Problem `webhook_endpoint_not_found`, `webhook_delivery_not_found`, `webhook_endpoint_off`
 */
export function resendForOperator(deps: ManagementDeps, resending: Omit<Resending, 'action'>): Promise<DeliveryView> {
  return restart(deps, { ...resending, action: 'admin.delivery_resent' })
}

interface Resending {
  readonly action: AuditAction
  readonly actor: Principal
  readonly one: EndpointOf
  readonly deliveryId: string
  /** The answer to the caller, which repeats get as well. */
  describe(delivery: DeliveryView): object
}

async function restart(deps: ManagementDeps, resending: Resending): Promise<DeliveryView> {
  const { action, actor, one, deliveryId } = resending
  const { organizationId, id } = one
  const at = new Date(deps.now())
  const [delivery, nextAttemptAt] = await Promise.all([
    getDelivery(deps, one, deliveryId),
    findDueTime(deps.db, one, at),
  ])
  const restarted: DeliveryView = { ...delivery, ...AGAIN, nextAttemptAt }
  const answer = await keepAnswer(deps, 202, resending.describe(restarted))
  const target = { type: 'webhook_endpoint', id } as const
  const detail = { delivery_id: deliveryId }
  const audit = audited(deps, { action, actor, organizationId, target, detail })
  const isDue = await restartDelivery(deps.db, one, { id: deliveryId, at }, { audit, answer })
  if (!isDue) throw await whyNothingIsSent(deps, one)
  sendSoon(deps, { deliveryIds: [deliveryId] })
  return restarted
}

const AGAIN = { state: 'pending', attempts: 0, deliveredAt: null, lastError: null } as const

/** The delivery of a test event, as it is before the first attempt: known before it is stored, so that a repeat gets it as well. */
async function describeTest(deps: ManagementDeps, one: EndpointOf, event: WebhookEvent): Promise<DeliveryView> {
  const at = new Date(event.at)
  return {
    ...AGAIN,
    id: event.deliveryIds[0] as string,
    eventId: event.id,
    type: event.type,
    payload: JSON.parse(event.payload),
    nextAttemptAt: await findDueTime(deps.db, one, at),
    lastStatusCode: null,
    responseTimeMs: null,
    createdAt: at,
  }
}

async function getDelivery(deps: ManagementDeps, one: EndpointOf, deliveryId: string): Promise<DeliveryView> {
  const delivery = await findDelivery(deps.db, one, deliveryId)
  if (delivery) return delivery
  await getEndpoint(deps, one)
  throw new Problem('webhook_delivery_not_found')
}

async function whyNothingIsSent(deps: ManagementDeps, one: EndpointOf): Promise<Problem> {
  await getEndpoint(deps, one)
  return new Problem('webhook_endpoint_off')
}
