import type { ManagementDeps } from '../deps.ts'
import { toIso } from '../lib/iso.ts'
import { consume } from '../limits/consume.ts'
import { limitName } from '../limits/key-limits.ts'
import { type KeySeeds, loadKeySeeds } from '../limits/key-seeds.ts'
import { describeLimit } from '../limits/limit-reading.ts'
import type { WindowReading } from '../limits/window.ts'
import { Problem } from '../problems.ts'
import type { LimitReading } from '../rpc-types.ts'
import { type KeyRecord, selectKey } from '../verification/key-record.ts'
import { buildLimitRequest } from '../verification/limit-check.ts'
import { findKeyHash, type KeyRef } from './queries.ts'

/** A verification that only reads. */
const READ = { key: '', cost: 0, scopes: [] }

/**
 * What is left of a key's rate limit, and of its and its organization's named limits, now. Takes nothing.
 *
 * @throws Problem `key_not_found`; `unavailable` when the counters cannot be read
 */
export async function readKeyLimits(deps: ManagementDeps, ref: KeyRef) {
  const hash = await findKeyHash(deps.db, ref)
  const now = deps.now()
  const record = hash && (await selectKey(deps, hash, now))
  if (!record) throw new Problem('key_not_found')
  const first = await look(deps, { record, now })
  const counted =
    first.outcome === 'uncounted' ? await look(deps, { record, now, seeds: await load(deps, record, now) }) : first
  if (!('windows' in counted) || counted.isLocal)
    throw new Problem('unavailable', { detail: 'The counters of the limits cannot be read.' })
  const [ratelimit, ...named] = counted.windows.map(toAnswer)
  const limits = Object.fromEntries([
    ...record.windowLimits.flatMap((limit, at): [string, LimitReading][] => {
      const reading = named[at]
      return reading ? [[limitName(limit), reading]] : []
    }),
    ...record.counterLimits.map(
      (limit, at) => [limitName(limit), describeLimit(limit, counted.counters?.[at])] as const,
    ),
  ])
  return { ratelimit: ratelimit as WindowAnswer, limits }
}

interface Looked {
  readonly record: KeyRecord
  readonly now: number
  /** The usage in Postgres for calendar limits whose counters Redis has lost. */
  readonly seeds?: KeySeeds
}

function look(deps: ManagementDeps, { record, now, seeds }: Looked) {
  const asked = { record, caller: undefined, request: READ, isFresh: true, now, aheadMs: deps.redisAheadMs, seeds }
  const { organizationId, windows, counters, aheadMs } = buildLimitRequest(asked)
  return consume(deps, { now, aheadMs, organizationId, windows, ...(counters && { counters }), versions: [] })
}

const load = (deps: ManagementDeps, { organizationId, lineageId, counterLimits: limits }: KeyRecord, now: number) =>
  loadKeySeeds(deps, { organizationId, lineageId, limits, now })

type WindowAnswer = ReturnType<typeof toAnswer>

const toAnswer = ({ limit, remaining, reset }: WindowReading) => ({ limit, remaining, resets_at: toIso(reset) })
