/** Checks whether a reservation repeats one that has ended. */
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { toPeriod } from '../../lib/period.ts'
import type { Allowance } from '../../limits/allowance.ts'
import { Problem } from '../../problems.ts'
import { SOURCE } from '../reporting/read-item.ts'
import { holdEventId } from '../reservation-id.ts'

const SELECT_SETTLED = `select 1 from usage_dedupe
where organization_id = $1::uuid and key = any(select sha256(convert_to(settled, 'UTF8')) from unnest($2::text[]) settled)`

/**
 * Redis may have lost a hold. Postgres keeps the ids of settled ones: of this period, or of the previous one, in which the
 * first request may have been made. While Postgres does not answer, Redis alone decides.
 *
 * @throws Problem `reservation_closed`
 */
export async function requireUnsettled(
  deps: Deps,
  { use: { period, periodAnchor } }: Allowance,
  organizationId: string,
  holdId: string | undefined,
): Promise<void> {
  if (holdId === undefined) return
  const periods = [period, toPeriod(periodAnchor, period.start - 1)]
  const ids = periods.map(({ name }) => holdEventId({ organizationId, period: name, holdId }))
  if (await isSettled(deps, organizationId, ids)) throw new Problem('reservation_closed')
}

/** Whether one of these holds was settled, by the ids of their events. False if Postgres does not answer. */
export async function isSettled(deps: Deps, organizationId: string, eventIds: readonly string[]): Promise<boolean> {
  const ids = eventIds.map((id) => `${SOURCE} ${id}`)
  const rows = await deps.sql.query(SELECT_SETTLED, [organizationId, ids]).catch((error: unknown) => {
    log('warn', 'settlement_not_looked_up', errorFields(error))
    return []
  })
  return rows.length > 0
}
