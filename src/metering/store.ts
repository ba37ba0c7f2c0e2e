import { problemIn, sqlState } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { countLimits, isRaisedBySettlement, loadAllowances } from './count-limits.ts'
import type { UsageEvent } from './event.ts'
import { syncCounters } from './raise-counters.ts'
import { type Outcome, type Written, writeUsage } from './write.ts'

/** SQLSTATE classes of permanent errors: invalid data, a constraint, a limit of Postgres. All others are temporary. */
const HOPELESS = /^(21|22|23|54)/

/** Whether Postgres will never accept the event. */
const isHopeless = (error: unknown) => HOPELESS.test(sqlState(error) ?? '')

/** Whether writing the same events again fails again: Postgres will never accept one of them, or our own code cannot process it. */
export const isPermanent = (error: unknown) => isHopeless(error) || !(problemIn(error) || sqlState(error))

/**
 * Writes reported events exactly once, and raises the quota counters, because no verification counted these events. They
 * also count in the limits of their keys, and end the holds that they settle.
 *
 * @throws Problem `unavailable` when the database does not respond
 */
async function storeUsage(deps: Deps, events: readonly UsageEvent[], released: Set<string>): Promise<Written> {
  const allowances = await loadAllowances(deps, events)
  const written = await writeUsage(deps, events)
  const isRaised = isRaisedBySettlement(events, written)
  const others = written.periods.filter((period) => !isRaised(period))
  await Promise.all([syncCounters(deps, others), countLimits(deps, events, { written, allowances, released })])
  return written
}

/**
 * Writes every event that can be written. An event that Postgres refuses permanently does not affect the others.
 *
 * @param released takes the ids of the events whose holds ended now
 * @returns the outcome of each event, in the given order
 * @throws temporary errors; retrying all events is then safe
 */
export async function storeEach(
  deps: Deps,
  events: readonly UsageEvent[],
  released = new Set<string>(),
): Promise<(Outcome | 'refused')[]> {
  try {
    return [...(await storeUsage(deps, events, released)).outcomes]
  } catch (error) {
    if (!isHopeless(error)) throw error
    if (events.length <= 1) {
      log('warn', 'usage_refused', { id: events[0]?.id, ...errorFields(error) })
      return events.map(() => 'refused')
    }
    const half = events.length >> 1
    return [
      ...(await storeEach(deps, events.slice(0, half), released)),
      ...(await storeEach(deps, events.slice(half), released)),
    ]
  }
}
