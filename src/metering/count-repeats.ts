/**
 * Reported use that comes again: a client, or the spool, sends what Postgres had taken without an answer. Whoever wrote it
 * first may not have known, so it counts in the limits of its key now, once, unless it was counted.
 */
import type { Deps } from '../deps.ts'
import { sha256Hex } from '../lib/bytes.ts'
import { errorFields, log } from '../lib/log.ts'
import { countAgain } from '../limits/holds/count-again.ts'
import type { UsedCounter } from '../limits/holds/holds.ts'
import { holderId, type KeyAllowance } from '../limits/key-allowance.ts'
import { keepUse } from '../limits/outage/late-use.ts'
import { retryLost } from '../limits/retry.ts'
import { toHolder, type UsageEvent, VERIFICATION } from './event.ts'
import { findFirstWrites } from './first-writes.ts'
import type { Written } from './write.ts'

/** Shorter than Redis remembers that use was counted, of reports and of settlements (limits/holds/holds.ts). */
const MINUTE_MS = 60_000
const REPORT_AGE_MS = 55 * MINUTE_MS
const SETTLEMENT_AGE_MS = 23 * 60 * MINUTE_MS
/** Per script call. */
const MAX_COUNTERS = 200

interface FirstUse {
  /** The event, when it happened. */
  readonly event: UsageEvent
  /** The transaction that wrote it. */
  readonly xid: number
}

/** A use that comes again, and what it counts in. */
export interface Repeat extends FirstUse {
  readonly counters: readonly UsedCounter[]
}

/**
 * Which events of a batch may be counted though they were written before, by index: those of keys and organizations with limits that were
 * written so short a time ago that Redis still knows whether they were counted. Verifications are counted when they are
 * admitted.
 *
 * @throws Problem `unavailable` when the database does not answer
 */
export async function findRepeats(
  deps: Deps,
  events: readonly UsageEvent[],
  { written, allowances }: { readonly written: Written; readonly allowances: ReadonlyMap<string, KeyAllowance> },
): Promise<ReadonlyMap<number, FirstUse>> {
  const places = [...events.entries()].flatMap(([at, event]) => {
    const isAsked = written.outcomes[at] === 'duplicate' && event.source !== VERIFICATION
    return isAsked && (allowances.get(holderId(toHolder(event)))?.limits.length ?? 0) > 0 ? [at] : []
  })
  const first = await findFirstWrites(deps, events, places)
  return new Map(
    [...first].flatMap(([at, { xid, occurredAt, ageMs }]) => {
      const event = events[at] as UsageEvent
      const isKnown = ageMs < (event.settles ? SETTLEMENT_AGE_MS : REPORT_AGE_MS)
      const isOwn = xid === written.xid // twice in the batch
      return isKnown && !isOwn ? [[at, { event: { ...event, occurred_at: occurredAt }, xid }] as const] : []
    }),
  )
}

/** While Redis fails, they are sent again before it decides the next request of their organization. */
export async function countRepeats(deps: Deps, repeats: readonly Repeat[]): Promise<void> {
  const batches = Map.groupBy(repeats, ({ event, xid }) => `${event.organization_id} ${xid}`)
  await Promise.all([...batches.values()].flatMap(parts).map((part) => countPart(deps, part)))
}

async function countPart(deps: Deps, repeats: readonly Repeat[]): Promise<void> {
  const [{ event, xid }] = repeats as readonly [Repeat, ...Repeat[]]
  const organizationId = event.organization_id
  const uses = repeats.map((one) => ({ id: toId(one.event), counters: one.counters }))
  const send = (own: Deps) => countAgain(own, { xid, organizationId, uses })
  try {
    await retryLost(deps, organizationId, () => send(deps))
  } catch (error) {
    log('warn', 'limits_not_counted', { counters: uses.length, ...errorFields(error) })
    // counted by nobody alone: whoever wrote it first may do that
    keepUse({ organizationIds: [organizationId], counters: [], at: deps.now(), send })
  }
}

const toId = ({ organization_id, source = '', id }: UsageEvent) => sha256Hex(`${organization_id} ${source} ${id}`)

function parts(repeats: readonly Repeat[]): Repeat[][] {
  const found: Repeat[][] = []
  let counters = MAX_COUNTERS
  for (const repeat of repeats) {
    counters += repeat.counters.length
    if (counters > MAX_COUNTERS) {
      found.push([])
      counters = repeat.counters.length
    }
    if (repeat.counters.length > 0) found.at(-1)?.push(repeat)
  }
  return found.filter(({ length }) => length > 0)
}
