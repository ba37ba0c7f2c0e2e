import { sql } from 'drizzle-orm'
import { keepAnswer } from '../api/idempotency.ts'
import type { AuditAction } from '../audit/actions.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import { requireThat, tryBatch } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { TEST_EVENT } from '../events/event-types.ts'
import { sendSoon } from '../events/publish.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { getEndpoint } from './endpoints.ts'
import {
  type DeliveryView,
  type EndpointRef,
  findDelivery,
  findDueTime,
  findTestTarget,
  insertTestDelivery,
  isWaiting,
  restartDelivery,
} from './queries.ts'
import { toDelivery } from './serialize.ts'

/**
 * Sends a test event to an endpoint, whatever its event types. It is attempted once, right after the answer.
 *
 * @throws Problem `webhook_endpoint_not_found`, `webhook_endpoint_off`, `rate_limited`
 */
export async function testEndpoint(deps: ManagementDeps, actor: Principal, one: EndpointRef): Promise<DeliveryView> {
  const { organizationId, id } = one
  await enforceRateLimits(deps, { webhook_send_account: { account: organizationId } })
  await getEndpoint(deps, one)
  const event = await buildTest(deps, one)
  const answer = await keepAnswer(deps, 202, toDelivery(event))
  const done = await tryBatch(deps.db, {
    delivery: insertTestDelivery(deps.db, one, event, deps.origin.requestId),
    due: requireThat(deps.db, isWaiting(one, sql`array[${event.id}::uuid]`)),
    audit: audited(deps, {
      action: 'webhook_endpoint.tested',
      actor,
      organizationId,
      target: { type: 'webhook_endpoint', id },
    }),
    answer,
  })
  if (!done) throw await whyNothingIsSent(deps, one)
  sendSoon(deps, [event.id])
  return event
}

/**
 * Resends an event to an endpoint under the same `webhook-id`, whether it was delivered or given up.
 *
 * @throws Problem `webhook_endpoint_not_found`, `webhook_delivery_not_found`, `webhook_endpoint_off`, `rate_limited`
 */
export async function resend(
  deps: ManagementDeps,
  actor: Principal,
  one: EndpointRef,
  deliveryId: string,
): Promise<DeliveryView> {
  await enforceRateLimits(deps, { webhook_send_account: { account: one.organizationId } })
  const action = 'webhook_endpoint.event_resent'
  return restart(deps, { action, actor, one, deliveryId, describe: toDelivery })
}

/**
 * The same for the operator, without the organization's rate limit.
 *
 * @throws Problem `webhook_endpoint_not_found`, `webhook_delivery_not_found`, `webhook_endpoint_off`
 */
export function resendForOperator(deps: ManagementDeps, resending: Omit<Resending, 'action'>): Promise<DeliveryView> {
  return restart(deps, { ...resending, action: 'admin.delivery_resent' })
}

interface Resending {
  readonly action: AuditAction
  readonly actor: Principal
  readonly one: EndpointRef
  readonly deliveryId: string
  /** The answer to the caller and to idempotent retries. */
  describe(delivery: DeliveryView): object
}

async function restart(deps: ManagementDeps, resending: Resending): Promise<DeliveryView> {
  const { action, actor, one, deliveryId } = resending
  const { organizationId, id } = one
  await getEndpoint(deps, one)
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
  sendSoon(deps, [deliveryId])
  return restarted
}

const AGAIN = { state: 'pending', attempts: 0, deliveredAt: null, lastError: null } as const

/** The delivery of a test event before its first attempt. It is known before it is stored, so that retries get the same answer. */
async function buildTest(deps: ManagementDeps, one: EndpointRef): Promise<DeliveryView> {
  const at = new Date(deps.now())
  const { organization, nextAttemptAt } = await findTestTarget(deps.db, one, at)
  const data = { organization, endpoint_id: one.id }
  return {
    ...AGAIN,
    id: uuidv7(deps.now()),
    eventId: `evt_${uuidv7(deps.now())}`,
    type: TEST_EVENT,
    payload: { type: TEST_EVENT, timestamp: at.toISOString(), data },
    nextAttemptAt,
    lastStatusCode: null,
    responseTimeMs: null,
    createdAt: at,
  }
}

async function getDelivery(deps: ManagementDeps, one: EndpointRef, deliveryId: string): Promise<DeliveryView> {
  const delivery = await findDelivery(deps.db, one, deliveryId)
  if (delivery) return delivery
  await getEndpoint(deps, one)
  throw new Problem('webhook_delivery_not_found')
}

async function whyNothingIsSent(deps: ManagementDeps, one: EndpointRef): Promise<Problem> {
  await getEndpoint(deps, one)
  return new Problem('webhook_endpoint_off')
}
