/**
 * Custom meters: those that the operator defined (docs/operate/meters.md). Their amounts are counted in whole units of
 * their last decimal.
 */
import { toMeterName } from '../../db/schema/meter-names.ts'
import { quoteName } from '../../lib/unknown-fields.ts'
import { Problem } from '../../problems.ts'
import type { Recorded } from '../limit-request.ts'
import type { QuantityFlaw } from './quantities.ts'

/** A custom meter, with an organization's usage of it in one period according to Postgres, in whole units. */
export interface CustomMeter {
  /** Its display name, and its unit in the plural. Absent in a key's row. */
  readonly name?: string
  readonly unit?: string
  readonly kind: 'counter' | 'gauge'
  /** Decimals of an amount. */
  readonly scale: number
  /** For a gauge: its latest reading. */
  readonly units: number
  /** The parts that verifications counted in even and in odd generations (limits/scripts/quota.ts). */
  readonly even: number
  readonly odd: number
}

/** All custom meters, by slug. */
export type CustomMeters = Readonly<Record<string, CustomMeter>>

export const NO_CUSTOM_METERS: CustomMeters = Object.freeze({})

const units = (column: string) => `trunc(coalesce(${column}, 0) * power(10::numeric, m.scale))`

/**
 * All custom meters with an organization's usage, as one column of a query: null if there are none.
 *
 * @param organizationId SQL of the organization's id
 * @param periodStart SQL of the period's start
 * @param named whether with the meters' names and units
 */
export const selectCustomMeters = (organizationId: string, periodStart: string, named?: 'named') => `(
  select jsonb_object_agg(m.slug, jsonb_build_object(${named ? "'name', m.name, 'unit', m.unit, " : ''}'kind', m.kind, 'scale', m.scale, 'units',
    case m.kind when 'gauge' then ${units('g.value')} else ${units('c.amount')} end,
    'even', ${units('c.even_amount')}, 'odd', ${units('c.odd_amount')}))
  from meters m
  left join usage_meter_periods c on c.organization_id = ${organizationId} and c.period_start = ${periodStart} and c.meter = m.slug
  left join usage_gauges g on g.organization_id = ${organizationId} and g.meter = m.slug
  where not m.is_builtin) as custom_meters`

/** Units used of a custom counter: in total, and the parts of even and odd generations. */
export type CustomUse = readonly [units: number, even: number, odd: number]

/** The usage of custom counters in one row of `usage_meter_periods`, as a JSON array of {@link CustomUse}. */
export const customUseIn = (row: string) =>
  `jsonb_build_array(${['amount', 'even_amount', 'odd_amount'].map((column) => units(`${row}.${column}`)).join(', ')})`

/** The usage of custom counters in a row of `usage_periods`, by slug, as one column of a query; null if there is none. */
export const selectCustomUse = (row: string) => `(
  select jsonb_object_agg(c.meter, ${customUseIn('c')}) from usage_meter_periods c join meters m on m.slug = c.meter
  where c.organization_id = ${row}.organization_id and c.period_start = ${row}.period_start) as custom`

/** The usage of custom counters in the form of the counters in Redis. Empty without any. */
export function toCustomRecorded(used: Readonly<Record<string, CustomUse>>): Recorded {
  const entries = Object.entries(used).filter(([, [total]]) => total > 0)
  if (entries.length === 0) return {}
  return {
    ...Object.fromEntries(entries.map(([slug, [total]]) => [toMeterName(slug), total])),
    custom_lanes: Object.fromEntries(entries.map(([slug, [, even, odd]]) => [toMeterName(slug), [even, odd]] as const)),
  }
}

/**
 * Adds the parts of `cost_usd` that verifications counted in even and in odd generations.
 *
 * @param lanes in nano-dollars
 */
export function withChargeLanes(recorded: Recorded, lanes: readonly [number, number]): Recorded {
  if (lanes[0] === 0 && lanes[1] === 0) return recorded
  return { ...recorded, custom_lanes: { ...recorded.custom_lanes, cost_usd: lanes } }
}

/** The same for all custom counters with an organization's usage. */
export function recordCustom(meters: CustomMeters): Recorded {
  const counters = Object.entries(meters).filter(([, { kind }]) => kind === 'counter')
  return toCustomRecorded(
    Object.fromEntries(counters.map(([slug, { units, even, odd }]) => [slug, [units, even, odd]])),
  )
}

/** The problem that names the field. */
export const quantityProblem = ({ slug, message }: QuantityFlaw) =>
  new Problem('invalid_request', { errors: [{ path: `body.quantities.${quoteName(slug)}`, message }] })
