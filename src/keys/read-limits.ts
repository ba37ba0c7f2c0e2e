import type { ManagementDeps } from '../deps.ts'
import { toIso } from '../lib/iso.ts'
import { consume } from '../limits/consume.ts'
import type { WindowReading } from '../limits/window.ts'
import { Problem } from '../problems.ts'
import { selectKey } from '../verification/key-record.ts'
import { buildLimitRequest } from '../verification/limit-check.ts'
import { findKeyHash, type KeyRef } from './queries.ts'

/** A verification that only reads. */
const READ = { key: '', cost: 0, scopes: [] }

/**
 * What is left of a key's rate limit and named limits now. Takes nothing.
 *
 * @throws Problem `key_not_found`; `unavailable` when the counters cannot be read
 */
export async function readKeyLimits(deps: ManagementDeps, ref: KeyRef) {
  const hash = await findKeyHash(deps.db, ref)
  const now = deps.now()
  const record = hash && (await selectKey(deps, hash, now))
  if (!record) throw new Problem('key_not_found')
  const asked = { record, caller: undefined, request: READ, isFresh: true, now, aheadMs: deps.redisAheadMs }
  const { windows, aheadMs } = buildLimitRequest(asked)
  const counted = await consume(deps, { now, aheadMs, windows, versions: [] })
  if (!('windows' in counted) || counted.isLocal)
    throw new Problem('unavailable', { detail: 'The counters of the limits cannot be read.' })
  const [ratelimit, ...named] = counted.windows.map(toAnswer)
  const limits = Object.fromEntries(
    record.namedLimits.flatMap(({ name }, at) => {
      const reading = named[at]
      return reading ? [[name, reading]] : []
    }),
  )
  return { ratelimit: ratelimit as WindowAnswer, limits }
}

type WindowAnswer = ReturnType<typeof toAnswer>

const toAnswer = ({ limit, remaining, reset }: WindowReading) => ({ limit, remaining, resets_at: toIso(reset) })
