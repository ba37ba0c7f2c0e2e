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
  /** Limits of every key, in addition to its own. */
  readonly key_limits?: readonly NamedLimit[] | undefined
  /** Limits of the organization, in which all its keys count together. */
  readonly organization_limits?: readonly NamedLimit[] | undefined
  /** The most holds that may be open at once: per key, and for the organization. */
  readonly key_max_concurrent?: number | null | undefined
  readonly max_concurrent?: number | null | undefined
}

/** How often a price is paid. */
export const INTERVALS = ['month', 'year'] as const
export type Interval = (typeof INTERVALS)[number]

/** The price of a plan or an add-on in one interval and currency, and its ids at the providers. */
export interface PlanPrice {
  readonly interval: Interval
  /** ISO 4217, in lower case. */
  readonly currency: string
  /** In the currency's smallest unit, per interval; null if it is negotiated. */
  readonly amount_cents: number | null
  /** The price of each seat above the included ones. Absent if no extra seats are sold. */
  readonly seat_amount_cents?: number | undefined
  readonly stripe_price_id?: string | undefined
  readonly polar_product_id?: string | undefined
}

/** How many members an organization may have: included seats and bought ones. */
export interface PlanSeats {
  readonly included: number
  /** The most that are sold; absent for no maximum. */
  readonly max?: number | undefined
}

/**
 * Charges of a subscription that were refunded in full or lost in a dispute, by what took them: the provider's id of the
 * payment, or that of the dispute.
 */
export type RefundedCharges = Readonly<Record<string, RefundedCharge>>

export interface RefundedCharge {
  /** ISO 8601. When it was made, or when the dispute was lost. */
  readonly at: string
  /** In the currency's smallest unit, if the event said so. */
  readonly cents?: number | undefined
  /** The refund failed. The charge does not count as refunded until the refund is made again. */
  readonly failed?: boolean | undefined
}

/** What an add-on adds to a plan's limits, each time it is bought. */
export interface AddonLimits {
  readonly meters?: Readonly<Record<string, number>> | undefined
  readonly max_api_keys?: number | undefined
  readonly seats?: number | undefined
}

/** Something that is sold in addition to a plan, in any quantity. */
export interface PlanAddon {
  readonly id: string
  readonly name: string
  readonly prices: readonly PlanPrice[]
  readonly limits: AddonLimits
}

/** How many of each add-on a subscription has, by id. */
export type BookedAddons = Readonly<Record<string, number>>

/** The terms of a subscription from the next period on. */
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
> & {
  /** These replace the plan's limits of the same name; others are added. */
  readonly organization_limits?: readonly NamedLimit[] | undefined
}

/** What a named limit can count. `requests` are the units that verifications consume. */
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
 * A limit of a key in addition to its rate limit, or of an organization in addition to its quotas, such as 200 reports a month or a budget of ten dollars a day:
 * `limit` units of a meter in any `window_seconds`, or in each calendar `period`.
 *
 * For `requests`, every verification takes `cost` units unless it says otherwise; with `cost` 0, only verifications that
 * name the limit take units. All other meters count reserved and reported usage.
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
  /** Only for `requests`. */
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

/** The parts of a model's usage that can have a price of their own. All but the last two are tokens. */
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

/** What a response header can report about the usage, for a route with the meter `from_header`. */
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

/** The response header of each field. */
export type HeaderNames = { readonly [Field in (typeof HEADER_FIELDS)[number]]?: string } & {
  /** For custom meters, by slug. */
  readonly quantities?: Readonly<Record<string, string>>
}

/** What an alert is based on: a percentage of a limit, an amount of usage, or an amount of usage above the limit. */
export const ALERT_KINDS = ['percentage', 'usage', 'overage'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

/** An amount of any meter at which people are notified, in the units that people read. */
export interface AlertAmount {
  /** The name of a built-in meter, or the slug of a custom one. */
  readonly meter: string
  readonly kind: Exclude<AlertKind, 'percentage'>
  /** Above 0. */
  readonly amount: number
}
