import { and, asc, eq, gt, lt, ne, or, type SQL, sql } from 'drizzle-orm'
import { requirement } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { billingEvents } from '../../db/schema/billing.ts'
import type { ProviderName } from '../providers/provider.ts'

/** Longer than handling takes. An event that is not finished by then can be claimed again. */
const LEASE = sql`now() + interval '60 seconds'`

export interface NewEvent {
  readonly id: string
  readonly provider: ProviderName
  readonly eventId: string
  readonly type: string
  readonly payload: unknown
  readonly occurredAt: Date
}

export interface ClaimedEvent {
  readonly id: string
  /** The number of this attempt. An attempt that was taken over cannot mark the event. */
  readonly attempts: number
}

const isFree = sql`(${billingEvents.state} in ('received', 'failed')
  or ${billingEvents.state} = 'processing' and ${billingEvents.claimedUntil} < now())`

/**
 * Stores an event, or finds it, and claims it, in one statement, so that of concurrent deliveries one has it.
 *
 * @returns the claim; or `done`, or `processing` if another request is handling it
 */
export async function claimEvent(db: Database, event: NewEvent): Promise<ClaimedEvent | 'done' | 'processing'> {
  const [claimed] = await db
    .insert(billingEvents)
    .values({ ...event, state: 'processing', claimedUntil: LEASE, attempts: 1 })
    .onConflictDoUpdate({
      target: [billingEvents.provider, billingEvents.eventId],
      set: { state: 'processing', claimedUntil: LEASE, attempts: sql`${billingEvents.attempts} + 1` },
      setWhere: isFree,
    })
    .returning({ id: billingEvents.id, attempts: billingEvents.attempts })
  if (claimed) return claimed
  const [row] = await db
    .select({ state: billingEvents.state })
    .from(billingEvents)
    .where(and(eq(billingEvents.provider, event.provider), eq(billingEvents.eventId, event.eventId)))
  return row?.state === 'done' ? 'done' : 'processing'
}

export type StoredEvent = Pick<typeof billingEvents.$inferSelect, 'id' | 'provider' | 'eventId' | 'type' | 'payload'>

/** Claims a stored event, done or not. @returns undefined if another request is handling it */
export async function claimStored(db: Database, id: string): Promise<ClaimedEvent | undefined> {
  const [row] = await db
    .update(billingEvents)
    .set({ state: 'processing', claimedUntil: LEASE, attempts: sql`${billingEvents.attempts} + 1` })
    .where(and(eq(billingEvents.id, id), or(eq(billingEvents.state, 'done'), isFree)))
    .returning({ id: billingEvents.id, attempts: billingEvents.attempts })
  return row
}

/**
 * The same as a step of a batch, which fails with `webhook_in_progress` if another request is processing the event. So the batch's
 * other writes happen only with the claim.
 */
export function requireClaim(db: Database, id: string) {
  return db.execute<{ attempts: number }>(sql`
    with claimed as (
      update billing_events set state = 'processing', claimed_until = ${LEASE}, attempts = attempts + 1
      where id = ${id}::uuid and (${billingEvents.state} = 'done' or ${isFree}) returning attempts)
    select ${requirement(sql`count(*) = 1`, 'webhook_in_progress')}, max(attempts)::int as attempts from claimed`)
}

export async function findStored(db: Database, id: string) {
  const { provider, eventId, type, payload, organizationId } = billingEvents
  const [row] = await db
    .select({ id: billingEvents.id, provider, eventId, type, payload, organizationId })
    .from(billingEvents)
    .where(eq(billingEvents.id, id))
  return row
}

/** Marks an event as done, in the batch of its effect. */
export function finishEvent(
  db: Database,
  { id, attempts }: ClaimedEvent,
  result: { readonly outcome: string; readonly organizationId: string | undefined; readonly at: Date },
) {
  return db
    .update(billingEvents)
    .set({
      state: 'done',
      claimedUntil: null,
      error: null,
      outcome: result.outcome,
      processedAt: result.at,
      ...(result.organizationId !== undefined && { organizationId: result.organizationId }),
    })
    .where(isHeld(id, attempts))
}

export function failEvent(db: Database, { id, attempts }: ClaimedEvent, error: string) {
  return db
    .update(billingEvents)
    .set({ state: 'failed', claimedUntil: null, error: error.slice(0, 500) })
    .where(isHeld(id, attempts))
}

const isHeld = (id: string, attempts: number) =>
  and(eq(billingEvents.id, id), eq(billingEvents.state, 'processing'), eq(billingEvents.attempts, attempts))

export interface EventFilter {
  /** The provider's id of an event, or Tollgate's. */
  readonly event?: string | undefined
  /** Only events that are not done. */
  readonly isOpen?: boolean
  /** Only events with fewer attempts. */
  readonly belowAttempts?: number
  /** Only events received before then. */
  readonly receivedBefore?: Date
  /** The last id of the previous page. */
  readonly after?: string | undefined
  readonly limit: number
}

/** Stored events, in the order of their arrival. */
export function listEvents(db: Database, filter: EventFilter): Promise<StoredEvent[]> {
  const { id, provider, eventId, type, payload, state, attempts, receivedAt } = billingEvents
  const conditions: (SQL | undefined)[] = [
    filter.event === undefined ? undefined : or(eq(eventId, filter.event), sql`${id}::text = ${filter.event}`),
    filter.isOpen ? and(ne(state, 'done'), isFree) : undefined,
    filter.belowAttempts === undefined ? undefined : lt(attempts, filter.belowAttempts),
    filter.receivedBefore && lt(receivedAt, filter.receivedBefore),
    filter.event === undefined ? sql`${payload} <> 'null'` : undefined, // the others were erased after 90 days
    filter.after === undefined ? undefined : gt(id, filter.after),
  ]
  return db
    .select({ id, provider, eventId, type, payload })
    .from(billingEvents)
    .where(and(...conditions))
    .orderBy(asc(id))
    .limit(filter.limit)
}
