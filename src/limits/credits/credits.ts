/** Prepaid credits as a counter beside an organization's quota: it counts charges up to the granted amount. Pure. */
import type { CounterRequest } from '../counter.ts'
import { toUnits } from '../meters/units.ts'

/** The name in refusals. */
export const CREDITS = 'credits'

/** Amounts in whole units of `cost_usd`. */
export interface CreditState {
  /** The sum of grants that neither expired nor were taken back, and of charges that the plan covered. */
  readonly limit: number
  /** Whether calls are refused when nothing is left. */
  readonly blocks: boolean
  /** Charges since the first grant, according to Postgres. */
  readonly used: number
  /** All charges of calls that verifications counted in even and in odd generations (limits/scripts/quota.ts). */
  readonly lanes: readonly [number, number]
  /** Unix milliseconds when the next grant expires, which changes the limit. */
  readonly until: number | undefined
}

/** A row of the query: US dollars as text. */
export interface CreditRow {
  readonly limit: string
  readonly blocks: boolean
  readonly used: string
  readonly even: string
  readonly odd: string
  readonly until: number | null
}

/**
 * SQL of an organization's credits as JSON; null for one that does not use any. A grant that has expired and is not
 * settled yet no longer counts, minus charges that it has not paid yet. Credits of the plan that are due and
 * not granted yet count. What the plan covered counts on both sides: so what Redis has counted stays right whenever
 * charges are covered.
 *
 * @param at the time, as an expression; `o` is the organization and `p` its plan
 */
export const selectCredits = (at: string) => `(
  select json_build_object(
    'limit', (coalesce(a.granted, 0) + charge.covered + due.included - greatest(0, live.over - greatest(0, coalesce(charge.total - charge.covered - a.charged_before - a.burned, 0))))::text,
    'blocks', p.at_no_credits = 'block',
    'used', greatest(0, coalesce(charge.total - a.charged_before, 0))::text, 'even', charge.even::text, 'odd', charge.odd::text, 'until', extract(epoch from live.until)::float8 * 1000)
  from (select o.id) own left join credit_accounts a on a.organization_id = own.id
  cross join lateral (select coalesce(sum(c.charge_usd), 0) as total, coalesce(sum(c.covered_usd), 0) as covered, coalesce(sum(c.even_charges), 0) as even, coalesce(sum(c.odd_charges), 0) as odd
    from usage_periods c where c.organization_id = own.id) charge
  cross join lateral (
    select coalesce(sum(g.remaining) filter (where g.expires_at <= ${at}), 0) as over, min(g.expires_at) filter (where g.expires_at > ${at}) as until
    from credit_grants g where g.organization_id = own.id and g.remaining > 0) live
  cross join lateral (
    select greatest(0, coalesce(p.included_credits_usd, 0) - coalesce(sum(g.amount - g.rolled_over), 0)) as included
    from credit_grants g where g.organization_id = own.id and g.source = 'plan'
      and g.period_start = usage_period_start(o.period_anchor, ${at})) due
  where not o.is_platform and (a.last_granted > 0 or p.included_credits_usd > 0))`

export function readCredits(row: CreditRow | null): CreditState | undefined {
  if (row === null) return undefined
  const { limit, blocks, used, even, odd, until } = row
  return {
    limit: toUnits('cost_usd', limit),
    blocks,
    used: toUnits('cost_usd', used),
    lanes: [toUnits('cost_usd', even), toUnits('cost_usd', odd)],
    until: until ?? undefined,
  }
}

/** Whether a grant has expired since the credits were read. */
export const isLapsed = (credits: CreditState | undefined, now: number): boolean =>
  credits?.until !== undefined && now >= credits.until

interface CreditRequest {
  readonly organizationId: string
  /** Whether the credits were read just now: then a lost counter restarts from them. */
  readonly isFresh: boolean
  /** Units to take or hold. With 0, the balance must only be above zero. */
  readonly cost: number
  /** For a verification that takes some: the price of each call, and when its usage period begins (Unix milliseconds). */
  readonly calls?: { readonly each: number; readonly period: number }
}

export const creditsKey = (organizationId: string) => `credits:${organizationId}`

export function creditCounter(
  { limit, blocks, used, lanes, until }: CreditState,
  { organizationId, isFresh, cost, calls }: CreditRequest,
): CounterRequest {
  return {
    key: creditsKey(organizationId),
    limit: blocks ? limit : null,
    cost,
    isSeeded: true,
    balance: { known: used, ...(isFresh && { lanes }), ...(calls && { period: calls.period }) },
    ...(isFresh && { recorded: used }),
    ...(calls && { each: calls.each }),
    ...(until !== undefined && { lapsesAt: until }),
  }
}
