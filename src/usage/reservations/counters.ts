/** The counters of which a reservation holds units, in addition to the organization's quota. Pure. */
import * as z from 'zod'
import type { LimitMeter } from '../../db/schema/shapes.ts'
import { CREDITS, type CreditState, creditCounter } from '../../limits/credits.ts'
import type { HeldCounter } from '../../limits/holds.ts'
import type { KeyAllowance, MeteredLimit } from '../../limits/key-allowance.ts'
import { buildCounter, limitName } from '../../limits/key-limits.ts'
import type { KeySeeds } from '../../limits/key-seeds.ts'
import { organizationSlotsKey } from '../../limits/limit-request.ts'
import { selectOrganizationConcurrency } from '../../limits/organization-limits.ts'
import type { OrganizationUse } from '../../limits/quotas.ts'
import type { TracedCounter } from '../../metering/event.ts'

/** A counter and the limit it counts for; without a limit it counts concurrent holds. */
export interface PlannedCounter extends HeldCounter {
  readonly limited?: MeteredLimit
  /** Whether it counts the organization's credits. */
  readonly isBalance?: true
}

interface Planned {
  readonly organizationId: string
  readonly use: OrganizationUse
  readonly key: KeyAllowance | undefined
  /** The limits of the key and of the organization. */
  readonly limits: readonly MeteredLimit[]
  readonly subject: string | null | undefined
  /** In whole units. A meter without an amount is not held. */
  readonly amounts: ReadonlyMap<string, number>
  readonly now: number
  /** Whether the organization's figures were read just now. */
  readonly isFresh: boolean
  /** Start values for counters of limits that Redis has lost. */
  readonly seeds: KeySeeds | undefined
}

/** Every limit of the key and the organization that counts a reserved meter, and the concurrent holds of the key and of the organization. */
export function planCounters(planned: Planned): PlannedCounter[] {
  const { organizationId, use, key, subject, amounts, now, isFresh, seeds } = planned
  const scope = { organizationId, lineageId: key?.lineageId, subject }
  const limits = planned.limits.flatMap((limited): PlannedCounter[] => {
    const cost = amounts.get(limited.meter)
    if (cost === undefined) return []
    const counter = buildCounter(limited, scope, now)
    return [{ ...counter, cost, meter: limited.meter, limited, ...seeds?.get(counter.key) }]
  })
  const ofOrganization = selectOrganizationConcurrency(use)
  return [
    ...limits,
    ...(key?.maxConcurrent === undefined ? [] : [{ key: `slots:${key.lineageId}`, limit: key.maxConcurrent, cost: 1 }]),
    ...(ofOrganization === undefined
      ? []
      : [{ key: organizationSlotsKey(organizationId), limit: ofOrganization, cost: 1 }]),
    ...(use.credits ? [holdCredits(use.credits, { organizationId, isFresh, cost: amounts.get('cost_usd') ?? 0 })] : []),
  ]
}

/** Units of the estimated charge; without an estimate, something must be left. */
function holdCredits(
  credits: CreditState,
  asked: { readonly organizationId: string; readonly isFresh: boolean; readonly cost: number },
): PlannedCounter {
  const counter = creditCounter(credits, asked)
  return { ...counter, isBalance: true, ...(asked.cost > 0 && { meter: 'cost_usd' }) }
}

export const MAX_CONCURRENT = 'max_concurrent'

const Trace = z.object({
  key_id: z.string().optional(),
  subject: z.string().optional(),
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
  readonly counters: readonly TracedCounter[]
}

/** @returns the text that is stored with a hold; `undefined` if there is nothing to store */
export function writeTrace(
  { key_id, subject }: { readonly key_id?: string | null | undefined; readonly subject?: string | null | undefined },
  counters: readonly PlannedCounter[],
): string | undefined {
  if (!key_id && !subject && counters.length === 0) return undefined
  const traced = counters.map(({ key, windowMs, until, kept, limited, isBalance }) => {
    const { meter, scale } = limited ?? {}
    const name = limited ? limitName(limited) : MAX_CONCURRENT
    return { name: isBalance ? CREDITS : name, key, windowMs, until, kept, meter, scale }
  })
  return JSON.stringify({ key_id: key_id ?? undefined, subject: subject ?? undefined, counters: traced })
}

/** @param kept as Redis returned it; `undefined` if nothing is known about the hold, or no longer */
export function readTrace(kept: unknown): HoldTrace {
  const { data } = Trace.safeParse(kept)
  if (!data) return { counters: [] }
  const { counters, ...names } = data
  return { ...names, counters: counters.map((counter) => dropUndefined(counter) as TracedCounter) }
}

const dropUndefined = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/** The amounts of a reservation, including the kinds of tokens, for everything that limits can count. */
export function addTokenKinds(
  amounts: ReadonlyMap<string, number>,
  tokens: { readonly input_tokens?: number | undefined; readonly output_tokens?: number | undefined },
): ReadonlyMap<string, number> {
  const kinds: readonly LimitMeter[] = ['input_tokens', 'output_tokens']
  return new Map([
    ...amounts,
    ...kinds.flatMap((kind) => {
      const amount = tokens[kind as keyof typeof tokens]
      return amount === undefined ? [] : [[kind, amount] as const]
    }),
  ])
}
