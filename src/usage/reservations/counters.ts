/** The counters of which a reservation holds units, in addition to the organization's quota. Pure. */
import type { LimitMeter } from '../../db/schema/shapes.ts'
import { type CreditState, creditCounter } from '../../limits/credits/credits.ts'
import type { HeldCounter } from '../../limits/holds/holds.ts'
import type { KeyAllowance, MeteredLimit } from '../../limits/key-allowance.ts'
import { buildCounter } from '../../limits/key-limits.ts'
import type { KeySeeds } from '../../limits/key-seeds.ts'
import { organizationSlotsKey } from '../../limits/limit-request.ts'
import { selectOrganizationConcurrency } from '../../limits/organization-limits.ts'
import type { OrganizationUse } from '../../limits/quotas.ts'

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
