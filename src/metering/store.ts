import { sqlState } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import type { UsageEvent } from './event.ts'
import { syncCounters } from './raise-counters.ts'
import { type Outcome, type Written, writeUsage } from './write.ts'

/** SQLSTATE classes that say "this event, never": its data, a constraint, a limit of Postgres. All others say "not now". */
const HOPELESS = /^(21|22|23|54)/

/** Whether Postgres will never take what it was given. */
export const isHopeless = (error: unknown) => HOPELESS.test(sqlState(error) ?? '')

/**
 * Writes reported events exactly once, and lets the quotas' counters know of them: no verification has counted them.
 *
 * @throws Problem `unavailable` when the database does not answer
 */
async function storeUsage(deps: Deps, events: readonly UsageEvent[]): Promise<Written> {
  const written = await writeUsage(deps, events)
  await syncCounters(deps, written.periods)
  return written
}

/**
 * Writes what can be written: an event that Postgres refuses for good takes no other with it.
 *
 * @returns what became of each event, in the order given
 * @throws whatever says "not now"; writing all of them again is then right
 */
export async function storeEach(deps: Deps, events: readonly UsageEvent[]): Promise<(Outcome | 'refused')[]> {
  try {
    return [...(await storeUsage(deps, events)).outcomes]
  } catch (error) {
    if (!isHopeless(error)) throw error
    if (events.length <= 1) {
      log('warn', 'usage_refused', { id: events[0]?.id, ...errorFields(error) })
      return events.map(() => 'refused')
    }
    const half = events.length >> 1
    return [...(await storeEach(deps, events.slice(0, half))), ...(await storeEach(deps, events.slice(half)))]
  }
}
