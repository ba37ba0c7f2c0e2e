/** What is stored with a hold for its settlement, however late that comes. */
import * as z from 'zod'
import type { Deps } from '../../deps.ts'
import { errorFields, log } from '../../lib/log.ts'
import { CREDITS } from '../../limits/credits/credits.ts'
import { findTraces, type HoldRef } from '../../limits/holds/holds.ts'
import { findOwnHold } from '../../limits/holds/own.ts'
import { limitName } from '../../limits/key-limits.ts'
import { retryLost } from '../../limits/retry.ts'
import type { TracedCounter } from '../../metering/event.ts'
import { normalizeName } from '../normalize-name.ts'
import { MAX_CONCURRENT, type PlannedCounter } from './counters.ts'
import type { ReserveRequest } from './schemas.ts'

const Trace = z.object({
  key_id: z.string().optional(),
  subject: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
  has_cost: z.boolean().optional(),
  counters: z.array(
    z.object({
      name: z.string(),
      key: z.string(),
      windowMs: z.number().optional(),
      until: z.number().optional(),
      kept: z.object({ key: z.string(), from: z.number() }).optional(),
      meter: z.string().optional(),
      scale: z.number().optional(),
    }),
  ),
})

/** What a settlement needs to know about a hold. */
export interface HoldTrace {
  readonly key_id?: string | undefined
  readonly subject?: string | undefined
  /** Its model and that model's provider, as statistics write them: they price a settlement that names neither a model nor a cost. */
  readonly provider?: string | undefined
  readonly model?: string | undefined
  /** Whether a cost was given without a model, so that the settlement has to give one. */
  readonly has_cost?: boolean | undefined
  readonly counters: readonly TracedCounter[]
}

/** @returns the text that is stored with a hold */
export function writeTrace(
  { key_id, subject, provider, model, cost_usd }: ReserveRequest,
  counters: readonly PlannedCounter[],
): string {
  const traced = counters.map(({ key, windowMs, until, kept, limited, isBalance }) => {
    const { meter, scale } = limited ?? {}
    const name = limited ? limitName(limited) : MAX_CONCURRENT
    return { name: isBalance ? CREDITS : name, key, windowMs, until, kept, meter, scale }
  })
  return JSON.stringify({
    key_id: key_id ?? undefined,
    subject: subject ?? undefined,
    ...(model && { model: normalizeName(model), ...(provider && { provider: normalizeName(provider) }) }),
    ...(Number(cost_usd ?? 0) > 0 && { has_cost: true }),
    counters: traced,
  })
}

/** @param kept as Redis returned it; `undefined` if nothing is known about the hold, or no longer */
export function readTrace(kept: unknown): HoldTrace {
  const { data } = Trace.safeParse(kept)
  if (!data) return { counters: [] }
  const { counters, ...facts } = data
  return { ...facts, counters: counters.map((counter) => dropUndefined(counter) as TracedCounter) }
}

const dropUndefined = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/**
 * Looks up what is stored with holds of organizations whose counters are in one database.
 *
 * @returns for each hold its trace; if Redis has none, or does not answer, what this isolate stored when it made the hold
 */
export async function lookUpTraces(deps: Deps, holds: readonly HoldRef[]): Promise<readonly (HoldTrace | undefined)[]> {
  const own = holds.map(({ holdId }) => readOwnTrace(holdId))
  try {
    const kept = await retryLost(deps, holds[0]?.organizationId, () => findTraces(deps, holds))
    return kept.map((one, at) => (one === undefined ? own[at] : readTrace(one)))
  } catch (error) {
    log('warn', 'hold_not_read', errorFields(error))
    return own
  }
}

function readOwnTrace(holdId: string): HoldTrace | undefined {
  const trace = findOwnHold(holdId)?.trace
  return trace === undefined ? undefined : readTrace(JSON.parse(trace))
}
