import type { Counter, Meter } from './meters.ts'

/**
 * At its limit, a meter either refuses (`block`) or continues, counted and billed (`allow`). `limit: null` means no
 * limit.
 */
export interface MeterLimit {
  readonly limit: number | null
  readonly at_limit: 'block' | 'allow'
}

/**
 * A plan's limits. `rate_limit_per_minute` applies to each key; the meters and `max_api_keys` apply to the
 * organization.
 */
export interface PlanLimits {
  readonly rate_limit_per_minute: number
  readonly max_api_keys: number
  readonly meters: Readonly<Partial<Record<Meter, MeterLimit>>>
}

/** Each unit up to `up_to` units above the limit costs `unit_price_usd`. Null covers all remaining units. */
export interface OverageTier {
  readonly up_to: number | null
  /** US dollars as a decimal with at most 12 places, such as `0.000002`. */
  readonly unit_price_usd: string
}

/** The price of a meter above its limit, and its names at the billing providers. */
export interface OveragePrice {
  readonly tiers: readonly OverageTier[]
  /** The name of its events, which the provider's meter counts. Defaults to the meter's name. */
  readonly polar_event?: string | undefined
  readonly stripe_meter?: string | undefined
  /** The metered price that Stripe bills together with the plan's price. */
  readonly stripe_price_id?: string | undefined
}

/** A plan's prices for use above limits that allow it. A meter that is absent costs nothing extra. */
export type PlanOverage = Readonly<Partial<Record<Counter, OveragePrice>>>

/** Static values that the operator's API reads from a verdict. */
export type PlanFeatures = Readonly<Record<string, number | string | boolean>>

/** An administrator's settings for one organization. Absent fields follow the plan. */
export type LimitOverrides = Readonly<Partial<Record<Meter | 'rate_limit_per_minute' | 'max_api_keys', number>>>

/**
 * One of a key's own limits in addition to its rate limit, such as 200 reports a month: `limit` units in any
 * `window_seconds`. Every verification takes `cost` units of it unless the request says otherwise. With `cost` 0, only
 * requests that name the limit take units.
 */
export interface NamedLimit {
  readonly name: string
  readonly limit: number
  readonly window_seconds: number
  readonly cost: number
}

/**
 * Upper bounds of the response-time histogram, in milliseconds, with one more bucket for slower responses. Each roll-up
 * row counts the responses per bucket, so that percentiles of any span are computed from sums.
 */
export const LATENCY_BOUNDS_MS = [
  1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 30_000,
] as const

/** The plan of an organization that has bought nothing. */
export const FIRST_PLAN = 'free'
