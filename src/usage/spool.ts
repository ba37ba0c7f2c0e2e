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

/** @returns false while the database does not answer; a batch it refuses for good goes to the log, or it would block the rest */
async function writeOrGiveUp(deps: Deps, events: UsageEvent[]): Promise<boolean> {
  try {
    await writeUsage(deps, events)
    return true
  } catch (error) {
    const isRefused = sqlState(error) !== undefined
    log(isRefused ? 'error' : 'warn', isRefused ? 'usage_lost' : 'usage_drain_failed', {
      count: events.length,
      ...(isRefused && { events }),
      ...errorFields(error),
    })
    return isRefused
  }
}
