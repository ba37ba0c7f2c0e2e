/**
 * Names of meters. The operator's own meters, the custom ones, are called by their slug on the wire and in Postgres. In
 * code and in Redis they have the prefix `m:`, so that none is taken for a built-in one or another field.
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
/** Every key's row in memory has all of them. */
export const MAX_CUSTOM_METERS = 100

/** Fields beside meters in limits, statistics and requests. */
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
])

/** Whether a custom meter cannot be called that. */
export const isReservedName = (slug: string) => RESERVED.has(slug) || slug.startsWith('max_')

export const isCustom = (meter: string): meter is CustomMeterName => meter.startsWith(PREFIX)

export const toMeterName = (slug: string): CustomMeterName => `${PREFIX}${slug}`

/** What a meter is called on the wire and in Postgres. */
export const toSlug = (meter: string): string => (isCustom(meter) ? meter.slice(PREFIX.length) : meter)
