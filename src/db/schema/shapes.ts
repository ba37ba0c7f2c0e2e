/** Counters that start at zero each month, in the order people read them. */
export const METERS = ['api_calls', 'queries', 'tokens', 'cost_usd'] as const
/** Amounts that are held, not used up. */
export const GAUGES = ['concepts', 'storage_gb'] as const

export type Meter = (typeof METERS)[number] | (typeof GAUGES)[number]

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

/** Static values the operator's API reads from a verdict. */
export type PlanFeatures = Readonly<Record<string, number | string | boolean>>

/** What an administrator set for one organization; a key that is absent follows the plan. */
export type LimitOverrides = Readonly<Partial<Record<Meter | 'rate_limit_per_minute' | 'max_api_keys', number>>>
