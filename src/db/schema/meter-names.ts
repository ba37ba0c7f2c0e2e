/**
 * Names of meters. On the wire and in Postgres, the operator's own (custom) meters are named by their slug. In code and in
 * Redis they have the prefix `m:`, so that none is mistaken for a built-in meter or another field.
 */
import { ALL_METERS, FIGURES, type Meter } from './meters.ts'

export type CustomMeterName = `m:${string}`
/** Any meter. */
export type MeterName = Meter | CustomMeterName

const PREFIX = 'm:'

/** The forms of a slug. */
export const METER_SLUG = /^[a-z][a-z0-9_]{0,39}$/
/** The most decimals of a custom meter's amounts. */
export const MAX_SCALE = 6
/** The cached row of every key contains all of them. */
export const MAX_CUSTOM_METERS = 100

/** Fields that appear next to meters in limits, statistics and requests. */
const RESERVED: ReadonlySet<string> = new Set([
  ...ALL_METERS,
  ...FIGURES,
  'requests',
  'errors',
  'meters',
  'slots',
  'credits',
  'charge_usd',
  'ratelimit',
  'rate_limit_per_minute',
  'organization_limits',
])

/** Whether a custom meter cannot have this name. */
export const isReservedName = (slug: string) => RESERVED.has(slug) || slug.startsWith('max_')

export const isCustom = (meter: string): meter is CustomMeterName => meter.startsWith(PREFIX)

export const toMeterName = (slug: string): CustomMeterName => `${PREFIX}${slug}`

/** The name of a meter on the wire and in Postgres. */
export const toSlug = (meter: string): string => (isCustom(meter) ? meter.slice(PREFIX.length) : meter)
