import type { CalendarPeriod } from '../../lib/calendar.ts'
import type { CustomMeterName } from './meter-names.ts'
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
  /** Limits of every key, beside its own. */
  readonly key_limits?: readonly NamedLimit[] | undefined
  /** The most holds that may be open at once: of each key, and of the organization. */
  readonly key_max_concurrent?: number | null | undefined
  readonly max_concurrent?: number | null | undefined
}

/** How often a price is paid. */
export const INTERVALS = ['month', 'year'] as const
export type Interval = (typeof INTERVALS)[number]

/** What a plan or an add-on costs in one interval and currency, and what buying it buys at the providers. */
export interface PlanPrice {
  readonly interval: Interval
  /** ISO 4217, in lower case. */
  readonly currency: string
  /** In the currency's smallest unit, for each interval; null if it is agreed upon in person. */
  readonly amount_cents: number | null
  /** The price of each seat above the included ones. Absent if no more seats are sold. */
  readonly seat_amount_cents?: number | undefined
  readonly stripe_price_id?: string | undefined
  readonly polar_product_id?: string | undefined
}

/** How many members an organization may have: those that are included, and those that it buys. */
export interface PlanSeats {
  readonly included: number
  /** The most that are sold; absent for no maximum. */
  readonly max?: number | undefined
}

/** What an add-on adds to the limits of a plan, each time it is bought. */
export interface AddonLimits {
  readonly meters?: Readonly<Record<string, number>> | undefined
  readonly max_api_keys?: number | undefined
  readonly seats?: number | undefined
}

/** Something that is sold beside a plan, any number of times. */
export interface PlanAddon {
  readonly id: string
  readonly name: string
  readonly prices: readonly PlanPrice[]
  readonly limits: AddonLimits
}

/** How many of each add-on a subscription has, by id. */
export type BookedAddons = Readonly<Record<string, number>>

/** What a subscription will be from the next period on. */
export interface PendingChange {
  readonly plan: string
  readonly interval: Interval
  readonly seats: number | null
  readonly addons: BookedAddons
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
export type LimitOverrides = Readonly<
  Partial<Record<Meter | 'rate_limit_per_minute' | 'max_api_keys' | 'max_concurrent', number>>
>

/** What a limit of a key can count. `requests` are the units that verifications take. */
export const LIMIT_METERS = [
  'requests',
  'api_calls',
  'queries',
  'tokens',
  'input_tokens',
  'output_tokens',
  'cost_usd',
] as const

export type LimitMeter = (typeof LIMIT_METERS)[number]

/**
 * One of a key's own limits in addition to its rate limit, such as 200 reports a month or a budget of ten dollars a day:
 * `limit` units of a meter in any `window_seconds`, or in each calendar `period`.
 *
 * Of `requests`, every verification takes `cost` units unless it says otherwise; with `cost` 0, only verifications that
 * name the limit take units. All other meters count what is reserved and reported.
 */
export interface NamedLimit {
  readonly name: string
  /** Absent: `requests`. */
  readonly meter?: Exclude<LimitMeter, 'requests'> | CustomMeterName | undefined
  /** Decimals of a custom meter. */
  readonly scale?: number | undefined
  /** In the units that people read. */
  readonly limit: number
  /** Exactly one of the two. */
  readonly window_seconds?: number | undefined
  readonly period?: CalendarPeriod | undefined
  /** Set if each subject has the limit for itself. */
  readonly per?: 'subject' | undefined
  /** Of `requests` alone. */
  readonly cost: number
}

/**
 * Upper bounds of the response-time histogram, in milliseconds, with one more bucket for slower responses. Each roll-up
 * row counts the responses per bucket, so that percentiles of any span are computed from sums.
 */
export const LATENCY_BOUNDS_MS = [
  1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_000, 5_000, 10_000, 30_000,
] as const

/** `latency_0` …: responses per bucket of LATENCY_BOUNDS_MS, and one more bucket for all slower responses. */
export const LATENCY_COLUMNS = [...LATENCY_BOUNDS_MS, Number.POSITIVE_INFINITY].map((_, bucket) => `latency_${bucket}`)

/** What of a model's use can have a price of its own. All but the last two are tokens. */
export const PRICE_KINDS = [
  'input',
  'output',
  'cached',
  'cache_write',
  'audio_input',
  'audio_output',
  'image',
  'request',
] as const
export type PriceKind = (typeof PRICE_KINDS)[number]

/** The plan of an organization that has bought nothing. */
export const FIRST_PLAN = 'free'

/** Headers that the gateway adds to a request, by name in lower case. A secret value is sealed (lib/seal.ts), in base64. */
export type StoredHeaders = Readonly<Record<string, { readonly value: string } | { readonly sealed: string }>>

/** What a response header can say of the use, for a route with the meter `from_header`. */
export const HEADER_FIELDS = [
  'queries',
  'tokens',
  'input_tokens',
  'output_tokens',
  'cached_tokens',
  'cache_write_tokens',
  'audio_input_tokens',
  'audio_output_tokens',
  'cost_usd',
  'provider',
  'model',
] as const

/** How the gateway learns what a request used. */
export type GatewayMeter = 'requests' | 'openai' | 'anthropic' | { readonly from_header: HeaderNames }

/** Which response header tells what. */
export type HeaderNames = { readonly [Field in (typeof HEADER_FIELDS)[number]]?: string } & {
  /** Of custom meters, by slug. */
  readonly quantities?: Readonly<Record<string, string>>
}
