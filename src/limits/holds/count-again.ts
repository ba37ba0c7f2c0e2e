/** Reported use that comes again, because the answer of Postgres may have been lost before anybody counted it. */
import { runScript } from '../../db/script.ts'
import type { Deps } from '../../deps.ts'
import { listCounterKeys } from '../counter.ts'
import { COUNT_AGAIN } from '../scripts/settlement.ts'
import { COUNTED_MS, toUsed, type UsedCounter } from './holds.ts'

/** By which Redis knows what a transaction of Postgres wrote. */
export const toBatch = (xid: number) => `transaction:${xid}`

/** An event's use. */
interface RepeatedUse {
  /** Unique among those of its transaction. */
  readonly id: string
  readonly counters: readonly UsedCounter[]
}

interface UsedAgain {
  /** The transaction that wrote it first. */
  readonly xid: number
  /** Of one of them: those of all are in the same database. */
  readonly organizationId: string
  readonly uses: readonly RepeatedUse[]
}

/**
 * Counts each use once, however often it comes, and only where it was not counted with its transaction. That leaves out
 * what was counted here.
 *
 * @throws whatever the client throws when Redis fails
 */
export async function countAgain(deps: Deps, { xid, organizationId, uses }: UsedAgain): Promise<void> {
  const argument = {
    ahead: deps.redisAheadMs,
    marked: COUNTED_MS,
    uses: uses.map(({ id, counters }) => ({ id, counters: toUsed(deps, counters) })),
  }
  const keys = [`counted:${toBatch(xid)}`, ...uses.flatMap(({ counters }) => listCounterKeys(counters))]
  await runScript(deps.redis.of(organizationId), COUNT_AGAIN, keys, [JSON.stringify(argument)])
}
