/** Reads, lists and extends open reservations. */
import type * as z from 'zod'
import { isCustom, type MeterName, toSlug } from '../../db/schema/meter-names.ts'
import type { Deps } from '../../deps.ts'
import { pageEnd } from '../../http/paging.ts'
import { encodeCursor } from '../../lib/cursor.ts'
import { errorFields, log } from '../../lib/log.ts'
import { toPeriod } from '../../lib/period.ts'
import { findAllowance } from '../../limits/allowance.ts'
import { extendHold, findTrace } from '../../limits/holds/holds.ts'
import { listHolds, type OpenHold } from '../../limits/holds/list.ts'
import { extendLocalHold, extendOwnHold } from '../../limits/holds/own.ts'
import { findMeters, type MeterCatalog } from '../../limits/meters/catalog.ts'
import { formatMeterUnits } from '../../limits/quota-reading.ts'
import { retryLost } from '../../limits/retry.ts'
import { attribute, findOwners } from '../../metering/attribution.ts'
import { Problem } from '../../problems.ts'
import { parseReservationId, reservationId } from '../reservation-id.ts'
import type { ExtendInput, Extension, OpenReservation, ReservationQuery } from './open-schemas.ts'
import { readTrace } from './trace.ts'

/** The time at which a hold was made, and its id. */
const CURSOR = /^(\d{1,15}) ([0-9A-Za-z]{22,32})$/

/**
 * One page of the open reservations of an organization, the newest first.
 *
 * @throws Problem `invalid_request` for a cursor of another list, `organization_not_found`, `unavailable` when Redis does not answer
 */
export async function listReservations(
  deps: Deps,
  organizationId: string,
  { key_id: keyId, limit, cursor }: z.output<typeof ReservationQuery>,
) {
  const place = CURSOR.exec(pageEnd(cursor, CURSOR) ?? '')
  const after = place ? { at: Number(place[1]), id: place[2] ?? '' } : undefined
  const holds = await read(deps, organizationId, { limit: limit + 1, keyId, after })
  const shown = holds.slice(0, limit)
  const last = shown.at(-1)
  const meters = await findHeldMeters(deps, shown)
  return {
    data: shown.map((hold) => toOpenReservation(hold, meters)),
    next_cursor: holds.length > limit && last ? encodeCursor(`${last.at} ${last.holdId}`) : null,
  }
}

/** @throws Problem `reservation_not_found` for one that was settled or has expired */
export async function getReservation(deps: Deps, organizationId: string, id: string) {
  const hold = await findHold(deps, organizationId, id)
  if (!hold) throw new Problem('reservation_not_found')
  return toOpenReservation(hold, await findHeldMeters(deps, [hold]))
}

/** Whether a reservation of an organization is open: neither settled nor expired. @throws Problem `unavailable` */
export const isOpenReservation = async (deps: Deps, organizationId: string, id: string): Promise<boolean> =>
  (await findHold(deps, organizationId, id)) !== undefined

async function findHold(deps: Deps, organizationId: string, id: string): Promise<OpenHold | undefined> {
  const reservation = parseReservationId(id)
  if (reservation?.organizationId !== organizationId) return undefined
  const holds = await read(deps, organizationId, { limit: 2, holdId: reservation.holdId })
  return holds.find(({ period }) => period === reservation.period)
}

/** A hold lasts a day at most, so it was made in the current period or in the one before. */
async function read(deps: Deps, organizationId: string, filter: Parameters<typeof listHolds>[2]) {
  const { period, periodAnchor } = (await findAllowance(deps, organizationId)).use
  const periods = [period, toPeriod(periodAnchor, period.start - 1)]
  return orUnavailable(() =>
    retryLost(deps, organizationId, () => listHolds(deps, { organizationId, periods }, filter)),
  )
}

/** @throws Problem `unavailable` */
async function orUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    log('warn', 'holds_not_read', errorFields(error))
    throw new Problem('unavailable', { detail: 'Reservations cannot be read.' })
  }
}

/** Holds store whole units; only the catalog has the decimals of a custom meter. Most holds name no custom meter. */
async function findHeldMeters(deps: Deps, holds: readonly OpenHold[]): Promise<MeterCatalog> {
  const slugs = holds.flatMap(({ amounts }) => Object.keys(amounts).filter(isCustom).map(toSlug))
  return slugs.length > 0 ? findMeters(deps, slugs) : {}
}

function toOpenReservation(
  { at, expiresAt, amounts, ...hold }: OpenHold,
  meters: MeterCatalog,
): z.output<typeof OpenReservation> {
  const held = Object.entries(amounts).flatMap(([name, units]) => {
    const meter = name as MeterName
    const scale = meters[toSlug(meter)]?.scale
    if (isCustom(meter) && scale === undefined) return [] // deleted since
    return [[toSlug(meter), formatMeterUnits({ meter, ...(scale !== undefined && { scale }) }, units)] as const]
  })
  return {
    id: reservationId(hold, { key_id: hold.keyId, subject: hold.subject }),
    organization_id: hold.organizationId,
    key_id: hold.keyId ?? null,
    subject: hold.subject ?? null,
    held: Object.fromEntries(held),
    created_at: at > 0 ? new Date(at).toISOString() : null,
    expires_at: new Date(expiresAt).toISOString(),
  }
}

/**
 * Extends a reservation to a number of seconds from now, if that is later than its expiry.
 *
 * @param caller the organization that may extend only its own; null for an operator's service
 * @throws Problem `reservation_not_found`, `reservation_closed` for one that was settled or has expired, `unavailable`
 *   when Redis does not answer
 */
export async function extendReservation(
  deps: Deps,
  { reservation_id: id, expires_in_seconds }: z.output<typeof ExtendInput>,
  caller: string | null,
): Promise<z.output<typeof Extension>> {
  const reservation = parseReservationId(id)
  if (!reservation || (caller !== null && caller !== reservation.organizationId))
    throw new Problem('reservation_not_found')
  const owner = { id: '', occurred_at: '', organization_id: reservation.organizationId }
  if (typeof attribute(owner, await findOwners(deps, [owner], caller), caller) === 'string')
    throw new Problem('reservation_not_found')
  const [now, ms] = [deps.now(), expires_in_seconds * 1000]
  const extended = extendLocalHold(reservation.holdId, now + ms, now)
  if (extended !== undefined) return { reservation_id: id, expires_at: new Date(extended).toISOString() }
  const expiresAt = await orUnavailable(() =>
    retryLost(deps, reservation.organizationId, async () => {
      const { counters } = readTrace(await findTrace(deps, reservation))
      const held = counters.map(({ key }) => ({ key, limit: null, cost: 0 }))
      return extendHold(deps, reservation, { ms, counters: held })
    }),
  )
  if (expiresAt === undefined)
    throw new Problem('reservation_closed', { detail: 'It was settled, canceled or has expired.' })
  extendOwnHold(reservation.holdId, expiresAt)
  return { reservation_id: id, expires_at: new Date(expiresAt).toISOString() }
}
