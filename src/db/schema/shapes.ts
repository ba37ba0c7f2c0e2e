import type { Counter, Meter } from './meters.ts'

/** At the limit a meter either refuses (`block`) or goes on, counted and billed (`allow`). `limit: null` is no limit. */
export interface MeterLimit {
  readonly limit: number | null
  readonly at_limit: 'block' | 'allow'
}

/** A plan's limits; `rate_limit_per_minute` holds for each key, the meters and `max_api_keys` for the organization. */
export interface PlanLimits {
  readonly rate_limit_per_minute: number
  readonly max_api_keys: number
  readonly meters: Readonly<Partial<Record<Meter, MeterLimit>>>
}

/** Until so many units above the limit, each costs so much; `null` for all that are left. */
export interface OverageTier {
  readonly up_to: number | null
  /** US dollars as a decimal with at most 12 places, such as `0.000002`. */
  readonly unit_price_usd: string
}

/** What is charged for a meter above its limit, and what the billing providers know it by. */
export interface OveragePrice {
  readonly tiers: readonly OverageTier[]
  /** The name of its events, which the provider's meter counts; the meter's own name where it is absent. */
  readonly polar_event?: string | undefined
  readonly stripe_meter?: string | undefined
  /** The metered price that Stripe bills along with the plan's. */
  readonly stripe_price_id?: string | undefined
}

/** A plan's prices for what is used above limits that allow it; a meter that is absent costs nothing more. */
export type PlanOverage = Readonly<Partial<Record<Counter, OveragePrice>>>

/** Static values the operator's API reads from a verdict. */
export type PlanFeatures = Readonly<Record<string, number | string | boolean>>

/** What an administrator set for one organization; a key that is absent follows the plan. */
export type LimitOverrides = Readonly<Partial<Record<Meter | 'rate_limit_per_minute' | 'max_api_keys', number>>>

/**
 * One of a key's own limits beside its rate limit, such as 200 reports a month: `limit` units in any `window_seconds`.
 * Every verification takes `cost` of it unless it says otherwise; with `cost` 0 only those that name the limit do.
 */
export interface NamedLimit {
  readonly name: string
  readonly limit: number
  readonly window_seconds: number
  readonly cost: number
}

/**
 * Upper bounds of the response-time histogram, in milliseconds; what is slower is in one more bucket. Each roll-up row
 * counts how many responses fell into each, so that percentiles of any span are read from sums.
 */
export const LATENCY_BOUNDS_MS = [
  1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 30_000,
] as const

/** The plan of an organization that has bought nothing. */
export const FIRST_PLAN = 'free'
