import type * as z from 'zod'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { resolvePeriod } from '../../lib/period.ts'
import { findAllowance } from '../../limits/allowance.ts'
import { CREDITS } from '../../limits/credits/credits.ts'
import { endOwnHold } from '../../limits/holds/end.ts'
import { releaseHold } from '../../limits/holds/holds.ts'
import { keepUse } from '../../limits/outage/late-use.ts'
import { retryLost } from '../../limits/retry.ts'
import { attribute, findOwners } from '../../metering/attribution.ts'
import { Problem } from '../../problems.ts'
import { ingestUsage } from '../reporting/ingest.ts'
import { holdEventId, parseReservationId } from '../reservation-id.ts'
import { isSettled } from './repeats.ts'
import type { SettleBody, Settlement } from './schemas.ts'
import { type HoldTrace, lookUpTraces } from './trace.ts'

/**
 * Records the actual use of a reservation, and releases its hold. The event's id is the hold's (`holdEventId`), so that
 * settling twice counts once, even after the hold has expired.
 *
 * The event is written first. Then it counts in the quota and in the limits of its key, in the step in which the hold
 * ends, so that at no moment both count. An event without a time belongs to the period in which the units were held, so
 * that holds bind across the end of a period; without a key or a subject it gets the reservation's, which its id
 * contains, also while Redis does not answer; without a model the reservation's, which only Redis and the isolate that made it have.
 * If the database fails, the hold ends when the event leaves the spool; if Redis does not answer, before it
 * decides the next request of the organization in this isolate. Canceling a settled reservation is a conflict, and its use still counts: the caller may have missed the
 * response to the settlement. While the event is in the spool, or the database fails, the response is `canceled`
 * although the use counts.
 *
 * @param caller the organization that may settle only for itself; null for an operator's service
 * @throws Problem `reservation_not_found`, `organization_not_found`, `invalid_request`, `unavailable`
 */
export async function settle(
  deps: Deps,
  { reservation_id, cancel, ...used }: z.output<typeof SettleBody>,
  caller: string | null,
): Promise<Settlement> {
  const reservation = parseReservationId(reservation_id)
  if (!reservation || (caller !== null && caller !== reservation.organizationId)) {
    throw new Problem('reservation_not_found')
  }
  const [kept] = await lookUpTraces(deps, [reservation])
  const trace = kept ?? { key_id: reservation.key_id, subject: reservation.subject, counters: [] }
  if (cancel) {
    const released = await cancelHold(deps, { reservation, trace }, caller)
    const isCounted = await isSettled(deps, reservation.organizationId, [holdEventId(reservation)])
    return { outcome: isCounted ? 'conflict' : 'canceled', released }
  }
  const at = used.timestamp ? undefined : await timeWithin(deps, reservation)
  const events = [{ ...used, id: holdEventId(reservation), organization_id: reservation.organizationId }]
  const { key_id, subject, counters } = trace
  const hold = { period: reservation.period, holdId: reservation.holdId, counters }
  const released = new Set<string>()
  const settles = { hold, key_id, subject, trace: kept, released }
  const recorded = await ingestUsage(deps, { events }, { organizationId: caller, at, settles })
  const outcome = readOutcome(recorded)
  return { outcome, released: released.size > 0, ...(recorded.warnings && { warnings: recorded.warnings }) }
}

/** @throws Problem `organization_not_found`, `invalid_request` if the event was rejected */
function readOutcome(recorded: Awaited<ReturnType<typeof ingestUsage>>): Settlement['outcome'] {
  const [rejected] = recorded.rejected
  if (rejected?.code === 'organization_not_found') throw new Problem(rejected.code)
  if (rejected) throw new Problem('invalid_request', { errors: [toFieldError(rejected.detail)] })
  if ('spooled' in recorded) return 'spooled'
  if (recorded.accepted > 0) return 'settled'
  return recorded.conflicts.length > 0 ? 'conflict' : 'duplicate'
}

/** A rejection names the invalid quantity, if there is one. */
function toFieldError(detail: string) {
  const [, field, message = detail] = /^(quantities\.[^:]*): (.*)$/.exec(detail) ?? []
  return { path: field === undefined ? 'body' : `body.${field}`, message }
}

type ReservationRef = NonNullable<ReturnType<typeof parseReservationId>>

/**
 * Undefined during the reservation's period, afterwards the period's last moment, however long ago that was. If another
 * isolate's clock is ahead and it has already begun the next period, that period's first moment.
 *
 * @throws Problem `reservation_not_found` for a period that does not exist
 */
async function timeWithin(deps: Deps, { organizationId, period }: ReservationRef): Promise<number | undefined> {
  const { periodAnchor, period: current } = (await findAllowance(deps, organizationId)).use
  const own = current.name === period ? current : resolvePeriod(periodAnchor, period)
  if (!own) throw new Problem('reservation_not_found')
  if (own.start >= current.end) return own.start
  return own.end > current.start ? undefined : own.end - 1
}

interface Canceled {
  readonly reservation: ReservationRef
  readonly trace: HoldTrace
}

/** @throws Problem `organization_not_found` if the caller could not have settled it either */
async function cancelHold(deps: Deps, { reservation, trace }: Canceled, caller: string | null): Promise<boolean> {
  const owner = { id: '', occurred_at: '', organization_id: reservation.organizationId }
  const outcome = attribute(owner, await findOwners(deps, [owner], caller), caller)
  if (typeof outcome === 'string') throw new Problem('organization_not_found')
  const counters = trace.counters.map(({ name, meter: _meter, scale: _scale, ...counter }) => ({
    ...counter,
    limit: null,
    cost: 0,
    amount: 0,
    // a balance that Redis has lost must not start without a figure from Postgres
    ...(name === CREDITS && { isSeeded: true as const }),
  }))
  const { organizationId, holdId } = reservation
  const release = { ...reservation, recorded: {}, counters }
  const now = deps.now()
  try {
    const wasHeld = await retryLost(deps, organizationId, () => releaseHold(deps, release))
    const wasOpen = endOwnHold(holdId, { isReleased: true, now }) // Redis does not have those that were made without it
    return wasHeld || wasOpen
  } catch (error) {
    log('warn', 'hold_not_released', errorFields(error))
    const wasOpen = endOwnHold(holdId, { isReleased: false, now })
    const send = (own: Deps) => releaseHold(own, release)
    keepUse({ organizationIds: [organizationId], counters: [], at: now, send })
    return wasOpen
  }
}
