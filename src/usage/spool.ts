import { sqlState } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import type { UsageEvent } from './event.ts'
import { writeUsage } from './write.ts'

/** A Redis list of JSON batches that Postgres could not take. */
const SPOOL = 'usage:spool'
/** Batches a single run of the job writes; the next minute's run goes on. */
const DRAIN_AT_MOST = 200

/** @throws when Redis fails too */
export async function spoolUsage(deps: Deps, events: readonly UsageEvent[]): Promise<void> {
  await deps.redis.rpush(SPOOL, JSON.stringify(events))
}

/**
 * Writes what was spooled. A batch leaves the list only after it is in Postgres, and by its value, so two runs at once
 * or a run that dies in between write some batches twice, which counts once.
 */
export async function drainUsageSpool(deps: Deps) {
  let drained = 0
  let left = await deps.redis.llen(SPOOL)
  while (left > 0 && drained < DRAIN_AT_MOST) {
    const batch = await deps.redis.lindex(SPOOL, 0)
    if (batch === null) break
    if (!(await writeOrGiveUp(deps, batch as UsageEvent[]))) break
    await deps.redis.lrem(SPOOL, 1, JSON.stringify(batch))
    drained += 1
    left = await deps.redis.llen(SPOOL)
  }
  return { drained, left }
}

/** SQLSTATE classes that say "this event, never": its data, a constraint, a limit of Postgres. All others say "not now". */
const HOPELESS = /^(22|23|54)/

/** @returns false while the database does not take anything: the batch stays for the next run */
async function writeOrGiveUp(deps: Deps, events: UsageEvent[]): Promise<boolean> {
  try {
    await writeSalvaging(deps, events)
    return true
  } catch (error) {
    log('warn', 'usage_drain_failed', { count: events.length, ...errorFields(error) })
    return false
  }
}

/** Writes what can be written. An event that Postgres refuses for good goes to the log, whole, and takes no other with it. */
async function writeSalvaging(deps: Deps, events: readonly UsageEvent[]): Promise<void> {
  try {
    await writeUsage(deps, events)
  } catch (error) {
    if (!HOPELESS.test(sqlState(error) ?? '')) throw error
    if (events.length <= 1) return log('error', 'usage_lost', { count: events.length, events, ...errorFields(error) })
    const half = events.length >> 1
    await writeSalvaging(deps, events.slice(0, half))
    await writeSalvaging(deps, events.slice(half))
  }
}
