import type * as z from 'zod'
import { forEachMeter, METERS } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { resolvePeriod } from '../../lib/period.ts'
import { findAllowance, reloadAllowance } from '../../limits/allowance.ts'
import { releaseHold } from '../../limits/holds.ts'
import type { Recorded } from '../../limits/limit-request.ts'
import { toUnits } from '../../limits/meter-units.ts'
import { attribute, findOwners } from '../../metering/attribution.ts'
import { Problem } from '../../problems.ts'
import { ingestUsage } from '../reporting/ingest.ts'
import { parseReservationId } from './id.ts'
import type { SettleBody, Settlement } from './schemas.ts'

/**
 * Records the actual use of a reservation, and releases its hold. The event's id is the reservation's, so that settling
 * twice counts once, even after the hold has expired.
 *
 * The event is written first, and counts before the hold stops counting. For a moment both count, so no request passes
 * the limit, but one just below it may be refused. An event without a time belongs to the period in which the units
 * were held, so that holds bind across the end of a period. If the database fails and the event waits in the spool, or
 * if Redis does not answer, the hold stays until it expires.
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
  if (cancel) return { outcome: 'cancelled', released: await cancelHold(deps, reservation, caller) }
  const at = used.timestamp ? undefined : await timeWithin(deps, reservation)
  const events = [{ ...used, id: reservation_id, organization_id: reservation.organizationId }]
  const recorded = await ingestUsage(deps, { events }, { organizationId: caller, at })
  const outcome = readOutcome(recorded)
  const released = outcome === 'spooled' ? false : await releaseCounted(deps, reservation)
  return { outcome, released, ...(recorded.warnings && { warnings: recorded.warnings }) }
}

/** @throws Problem `organization_not_found`, `invalid_request` if the event was rejected */
function readOutcome(recorded: Awaited<ReturnType<typeof ingestUsage>>): Settlement['outcome'] {
  const [rejected] = recorded.rejected
  if (rejected?.code === 'organization_not_found') throw new Problem(rejected.code)
  if (rejected) throw new Problem('invalid_request', { errors: [{ path: 'body', message: rejected.detail }] })
  if ('spooled' in recorded) return 'spooled'
  if (recorded.accepted > 0) return 'settled'
  return recorded.conflicts.length > 0 ? 'conflict' : 'duplicate'
}

type ReservationRef = NonNullable<ReturnType<typeof parseReservationId>>

/**
 * Absent while the period of the reservation lasts, afterwards its last moment, however long ago that was. Where another
 * isolate's clock is ahead and began the next period already, its first moment.
 *
 * @throws Problem `reservation_not_found` for a period that there is not
 */
async function timeWithin(deps: Deps, { organizationId, period }: ReservationRef): Promise<number | undefined> {
  const { periodAnchor, period: current } = (await findAllowance(deps, organizationId)).use
  const own = current.name === period ? current : resolvePeriod(periodAnchor, period)
  if (!own) throw new Problem('reservation_not_found')
  if (own.start >= current.end) return own.start
  return own.end > current.start ? undefined : own.end - 1
}

/** @throws Problem `organization_not_found` where the caller could not have settled it either */
async function cancelHold(deps: Deps, reservation: ReservationRef, caller: string | null): Promise<boolean> {
  const owner = { id: '', occurred_at: '', organization_id: reservation.organizationId }
  const outcome = attribute(owner, await findOwners(deps, [owner], caller), caller)
  if (typeof outcome === 'string') throw new Problem('organization_not_found')
  return release(deps, reservation, {})
}

async function releaseCounted(deps: Deps, reservation: ReservationRef): Promise<boolean> {
  const { use } = await reloadAllowance(deps, reservation.organizationId)
  const counts = forEachMeter(METERS, (meter) => toUnits(meter, use.used[meter]))
  return release(deps, reservation, use.period.name === reservation.period ? { ...counts, lanes: use.lanes } : {})
}

async function release(deps: Deps, reservation: ReservationRef, recorded: Recorded): Promise<boolean> {
  try {
    return await releaseHold(deps, { ...reservation, recorded })
  } catch (error) {
    log('warn', 'hold_not_released', errorFields(error)) // the hold expires on its own
    return false
  }
}
