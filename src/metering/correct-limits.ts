/** Counts in the limits of keys what a correction changed of reported use, where their counters still have that use. */
import { toSlug } from '../db/schema/meter-names.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import type { CounterRequest } from '../limits/counter.ts'
import { countUsed, type UsedCounter } from '../limits/holds.ts'
import { findKeyAllowances, type KeyAllowance, type MeteredLimit } from '../limits/key-allowance.ts'
import { buildCounter } from '../limits/key-limits.ts'
import { toScaledUnits } from '../limits/quantities.ts'
import { retryLost } from '../limits/retry.ts'
import type { CountedChange } from './correct-statement.ts'
import { repeatCounting } from './count-limits.ts'

/** A change of a key's limits applies within this time. */
const MAX_AGE_MS = 2_000

interface Correction {
  readonly organizationId: string
  readonly claim: string
  readonly change: CountedChange
  /** How long before its settlement the event's units may have been held; 0 for what was only reported. */
  readonly heldMs: number
}

/**
 * Once for each claim, however often it is called while the change is known. While Redis fails, it is sent again after the
 * answer; a repeated correction sends it as well.
 */
export async function correctLimits(deps: Deps, correction: Correction): Promise<void> {
  const { organizationId, claim, change } = correction
  if (change.key_id === null) return
  const key = { organizationId, keyId: change.key_id }
  const allowance = (await findKeyAllowances(deps, [key], MAX_AGE_MS)).get(change.key_id)
  const counters = allowance ? listCounters(correction, allowance, deps.now()) : []
  if (counters.length === 0) return
  const send = (own: Deps) =>
    countUsed(own, { batch: `correction:${organizationId}:${claim}`, organizationId, counters })
  try {
    await retryLost(deps, organizationId, () => send(deps))
  } catch (error) {
    log('warn', 'limits_not_counted', { counters: counters.length, ...errorFields(error) })
    deps.defer(repeatCounting(deps, send))
  }
}

/** Those whose period or window the event is in. */
function listCounters({ change, heldMs }: Correction, allowance: KeyAllowance, now: number): UsedCounter[] {
  const at = Date.parse(change.occurred_at)
  const { subject, xid, told_at: told } = change
  return allowance.limits.flatMap((limit) => {
    const counter = buildCounter(limit, { lineageId: allowance.lineageId, subject }, at)
    const amount = readChange(limit, change)
    const end = counter.until ?? told + (counter.windowMs ?? 0)
    const corrects = { told, heldMs, isInSeed: isInSeed(limit, subject) }
    const isOpen = end > now && wasCounted(counter, { at, told, heldMs })
    return amount !== 0 && isOpen ? [{ ...counter, cost: 0, amount, xid, corrects }] : []
  })
}

type Span = Pick<CounterRequest, 'until' | 'windowMs'>

/** Whether the counter ever counted the event: a report that was older than the window never did. Held units count from the hold on. */
const wasCounted = ({ until, windowMs = 0 }: Span, { at, told, heldMs }: Record<'at' | 'told' | 'heldMs', number>) =>
  heldMs > 0 || (until ?? at + windowMs) > told

/** What roll-ups have, of which seeds are made (limits/key-seeds.ts). */
const isInSeed = ({ period, per, scale }: MeteredLimit, subject: string | null) =>
  per === undefined || (period !== 'hour' && scale === undefined && Boolean(subject))

/** In the limit's whole units. */
function readChange({ meter, scale }: MeteredLimit, change: CountedChange): number {
  if (scale !== undefined) {
    const toUnits = (amounts: CountedChange['to_quantities']) => toScaledUnits(amounts[toSlug(meter)] ?? 0, scale)
    return toUnits(change.to_quantities) - toUnits(change.from_quantities)
  }
  const { api_calls, queries, input_tokens, output_tokens, charge_nano_usd: cost_usd } = change
  const tokens = input_tokens + output_tokens
  return (
    ({ api_calls, queries, tokens, input_tokens, output_tokens, cost_usd } as Readonly<Record<string, number>>)[
      meter
    ] ?? 0
  )
}
