/** Counts in the limits of keys and organizations what a correction changed of reported use, where their counters still have that use. */
import { toSlug } from '../db/schema/meter-names.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import type { CounterRequest } from '../limits/counter.ts'
import { countUsed, type UsedCounter } from '../limits/holds/holds.ts'
import { findAllowances, holderId, type KeyAllowance, type MeteredLimit } from '../limits/key-allowance.ts'
import { buildCounter } from '../limits/key-limits.ts'
import { roundScaled } from '../limits/meters/quantities.ts'
import { retryLost } from '../limits/retry.ts'
import type { CountedChange, CountedUse } from './correct-statement.ts'
import { repeatCounting } from './count-limits.ts'

/** A change of limits applies within this time. */
const MAX_AGE_MS = 2_000

interface Corrections {
  readonly organizationId: string
  /** Of one event: the latest ones, oldest first. */
  readonly changes: readonly CountedChange[]
  /** How long before its settlement the event's units may have been held; 0 for what was only reported. */
  readonly heldMs: number
}

/**
 * Each once, and in their order, however often it is called while the changes are known: one whose counting was lost counts with
 * the next. While Redis fails, they are sent again after the answer; a repeated correction sends them as well.
 */
export async function correctLimits(deps: Deps, { organizationId, changes, heldMs }: Corrections): Promise<void> {
  const keys = new Set(changes.flatMap(({ from, to }) => [from.key_id, to.key_id]))
  const named = [...keys].map((keyId) => ({ organizationId, keyId }))
  const allowances = await findAllowances(deps, named, MAX_AGE_MS)
  const batches = changes.flatMap((change) => {
    const counters = listCounters({ organizationId, change, heldMs }, allowances, deps.now())
    return counters.length === 0
      ? []
      : [{ batch: `correction:${organizationId}:${change.claim}`, organizationId, counters }]
  })
  const send = async (own: Deps) => {
    for (const batch of batches) await countUsed(own, batch)
  }
  try {
    await retryLost(deps, organizationId, () => send(deps))
  } catch (error) {
    const counters = batches.reduce((sum, batch) => sum + batch.counters.length, 0)
    log('warn', 'limits_not_counted', { counters, ...errorFields(error) })
    deps.defer(repeatCounting(deps, send))
  }
}

interface Correction {
  readonly organizationId: string
  readonly change: CountedChange
  readonly heldMs: number
}

/** What a counter that both sides have is to change by, or one of them alone. */
interface Sum {
  readonly limit: MeteredLimit
  readonly counter: Omit<CounterRequest, 'cost'>
  readonly use: CountedUse
  readonly amount: number
  /** Whether it did not count the event before. */
  readonly isNew: boolean
}

/** Those whose period or window the event is in: of the key and the subject that it counted for, and that it counts for now. */
function listCounters(
  { organizationId, change, heldMs }: Correction,
  allowances: ReadonlyMap<string, KeyAllowance>,
  now: number,
): UsedCounter[] {
  const at = Date.parse(change.occurred_at)
  const { xid, told_at: told, from, to } = change
  const sums = new Map<string, Sum>()
  for (const [use, sign] of [
    [from, -1],
    [to, 1],
  ] as const) {
    for (const { limit, counter } of buildCounters({ organizationId, use, at }, allowances)) {
      const known = sums.get(counter.key)
      const amount = (known?.amount ?? 0) + sign * readUse(limit, use)
      sums.set(counter.key, known ? { ...known, amount } : { limit, counter, use, amount, isNew: use === to })
    }
  }
  return [...sums.values()].flatMap(({ limit, counter, use, amount, isNew }) => {
    const end = counter.until ?? told + (counter.windowMs ?? 0)
    const since = limit.per === 'subject' ? use.subject_since : limit.of === 'organization' ? told : use.key_since
    const corrects = { told, since, heldMs, isInSeed: isInSeed(limit), isNew }
    const isOpen = end > now && wasCounted(counter, { at, told, heldMs })
    return amount !== 0 && isOpen ? [{ ...counter, cost: 0, amount, xid, corrects }] : []
  })
}

interface Side {
  readonly organizationId: string
  readonly use: CountedUse
  readonly at: number
}

/** The counters of the key, its organization and its subject; of somebody who was erased nobody knows which one it is. */
function buildCounters({ organizationId, use, at }: Side, allowances: ReadonlyMap<string, KeyAllowance>) {
  const { key_id: keyId, subject } = use
  const allowance = allowances.get(holderId({ organizationId, keyId }))
  if (!allowance) return []
  const scope = { organizationId, lineageId: allowance.lineageId, subject }
  const limits = allowance.limits.filter(({ per }) => per !== 'subject' || subject !== '')
  return limits.map((limit) => ({ limit, counter: buildCounter(limit, scope, at) }))
}

type Span = Pick<CounterRequest, 'until' | 'windowMs'>

/** Whether the counter ever counted the event: not if the report was already older than the window. Held units count from the time of the hold. */
const wasCounted = ({ until, windowMs = 0 }: Span, { at, told, heldMs }: Record<'at' | 'told' | 'heldMs', number>) =>
  heldMs > 0 || (until ?? at + windowMs) > told

/** What is in roll-ups, from which seeds are built (limits/key-seeds.ts). */
const isInSeed = ({ period, per }: MeteredLimit) => per === undefined || period !== 'hour'

/** In the limit's whole units. */
function readUse({ meter, scale }: MeteredLimit, use: CountedUse): number {
  if (scale !== undefined) return roundScaled(use.quantities[toSlug(meter)] ?? 0, scale)
  const { api_calls, queries, input_tokens, output_tokens, charge_nano_usd: cost_usd } = use
  const tokens = input_tokens + output_tokens
  return (
    ({ api_calls, queries, tokens, input_tokens, output_tokens, cost_usd } as Readonly<Record<string, number>>)[
      meter
    ] ?? 0
  )
}
