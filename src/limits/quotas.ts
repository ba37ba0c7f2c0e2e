import * as z from 'zod'
import type { Sql } from '../db/client.ts'
import { toFamily } from '../db/plan-version.ts'
import { type MeterName, toMeterName } from '../db/schema/meter-names.ts'
import { ALL_METERS, forEachMeter, GAUGES, METERS, type Meter, selectCounters } from '../db/schema/meters.ts'
import type { LimitOverrides, PlanFeatures, PlanLimits } from '../db/schema/shapes.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { organizationFilter } from '../http/fields.ts'
import { errorFields, logRepeated } from '../lib/log.ts'
import { type Period, toPeriod } from '../lib/period.ts'
import { Problem } from '../problems.ts'
import type { MeterReading, MeterReadings } from '../rpc-types.ts'
import { describeCredits } from './credits/counter.ts'
import { type CreditRow, type CreditState, readCredits, selectCredits } from './credits/credits.ts'
import { type SpendCapRow, selectSpendCap } from './credits/spend-cap.ts'
import { holdsKey, type MeterState, quotaKey, type Recorded } from './limit-request.ts'
import {
  type CustomMeters,
  NO_CUSTOM_METERS,
  recordCustom,
  selectCustomMeters,
  withChargeLanes,
} from './meters/custom.ts'
import { fromScaledUnits, limitOf, toScaledUnits } from './meters/quantities.ts'
import { formatLimit, formatUnits, toUnits } from './meters/units.ts'
import { describeOrganizationLimits } from './organization-limits.ts'
import { QUOTA_FUNCTIONS } from './scripts/quota.ts'

export const QuotasInput = z.strictObject({ ...organizationFilter })

/** An organization's limits and usage according to Postgres. Limits are in display units. */
export interface OrganizationUse {
  /** Incremented by every change of the following fields, except `usedUnits`. */
  readonly isSuspended: boolean
  readonly version: number
  readonly plan: string
  readonly limits: PlanLimits
  readonly features: PlanFeatures
  /** Added to costs: quotas of `cost_usd` use the customer's price. Decimal text. */
  readonly markupPercent: string
  /** The price of a call, in nano-dollars; 0 for none. */
  readonly pricePerCall: number
  readonly overrides: LimitOverrides
  /** Unix milliseconds; absent for calendar months. */
  readonly periodAnchor: number | undefined
  readonly period: Period
  /** In whole units (limits/meters/units.ts). */
  readonly usedUnits: Readonly<Record<Meter, number>>
  /** The calls among them that verifications counted in even and in odd generations (limits/scripts/quota.ts). */
  readonly lanes: readonly [number, number]
  /** The same for the price of these calls, in nano-dollars. */
  readonly chargeLanes: readonly [number, number]
  readonly custom: CustomMeters
  /** The organization's own cap on what a period costs; null without one that refuses. */
  readonly spendCap: SpendCapRow | null
  /** Absent for an organization that does not use credits. */
  readonly credits: CreditState | undefined
}

type Row = Record<Meter, string> & {
  version: number
  is_suspended: boolean
  plan_id: string
  limits: PlanLimits
  features: PlanFeatures
  markup_percent: string
  price_per_call: string
  limit_overrides: LimitOverrides
  period_anchor: number | null
  even_calls: string
  odd_calls: string
  even_charges: string
  odd_charges: string
  custom_meters: CustomMeters | null
  spend_cap: SpendCapRow | null
  credits: CreditRow | null
}

const describeReading = (gauge: Meter) =>
  `coalesce((select value from usage_gauges g where g.organization_id = o.id and g.meter = '${gauge}'), 0) as ${gauge}`

const SELECT_USE = `
select o.version, o.suspended_at is not null as is_suspended, o.plan_id, plan_limits(p.limits, o.limit_additions) as limits, p.features, p.markup_percent::text as markup_percent, coalesce(p.price_per_call_usd, 0)::text as price_per_call, o.limit_overrides, extract(epoch from o.period_anchor)::float8 * 1000 as period_anchor,
  coalesce(u.even_calls, 0) as even_calls, coalesce(u.odd_calls, 0) as odd_calls,
  coalesce(u.even_charges, 0) as even_charges, coalesce(u.odd_charges, 0) as odd_charges,
  ${selectSpendCap('usage_period_start(o.period_anchor, $2::timestamptz)')} as spend_cap,
  ${selectCredits('$2::timestamptz')} as credits,
  ${selectCounters('u', (amount) => `coalesce(${amount}, 0)`)}, ${GAUGES.map(describeReading).join(', ')},
  ${selectCustomMeters('o.id', 'usage_period_start(o.period_anchor, $2::timestamptz)', 'named')}
from organizations o
join plans p on p.id = o.plan_id
left join usage_periods u on u.organization_id = o.id
  and u.period_start = usage_period_start(o.period_anchor, $2::timestamptz)
where o.id = $1`

/** @throws Problem `organization_not_found` */
export async function getUse(sql: Sql, organizationId: string, now: number): Promise<OrganizationUse> {
  const [row] = (await sql.query(SELECT_USE, [organizationId, new Date(now).toISOString()])) as Row[]
  if (!row) throw new Problem('organization_not_found')
  return {
    version: row.version,
    isSuspended: row.is_suspended,
    plan: toFamily(row.plan_id),
    limits: row.limits,
    features: row.features,
    markupPercent: row.markup_percent,
    pricePerCall: toUnits('cost_usd', row.price_per_call),
    overrides: row.limit_overrides,
    periodAnchor: row.period_anchor ?? undefined,
    period: toPeriod(row.period_anchor ?? undefined, now),
    usedUnits: forEachMeter(ALL_METERS, (meter) => toUnits(meter, row[meter])),
    lanes: [Number(row.even_calls), Number(row.odd_calls)],
    chargeLanes: [toUnits('cost_usd', row.even_charges), toUnits('cost_usd', row.odd_charges)],
    custom: row.custom_meters ?? NO_CUSTOM_METERS,
    spendCap: row.spend_cap,
    credits: readCredits(row.credits),
  }
}

/** An organization's usage in the form of the counters in Redis. */
export function recordUse({ usedUnits, lanes, chargeLanes, custom }: OrganizationUse): Recorded {
  const counted = { ...forEachMeter(METERS, (meter) => usedUnits[meter]), lanes, ...recordCustom(custom) }
  return withChargeLanes(counted, chargeLanes)
}

const isGauge = (meter: Meter) => (GAUGES as readonly Meter[]).includes(meter)

/** An organization's limit of a meter: its own, else its plan's; `null` for none. */
export function selectLimit({ limits, overrides }: OrganizationUse, meter: MeterName): number | null {
  return limitOf(limits, overrides, meter)
}

/**
 * An organization's current quotas. Meters that Redis counts are read from Redis. While Redis fails, all figures are
 * those recorded in Postgres.
 *
 * @throws Problem `organization_not_found`
 */
export async function readQuotas(deps: Deps, organizationId: string) {
  const use = await getUse(deps.sql, organizationId, deps.now())
  const [counted, credits, limits] = await Promise.all([
    readCounted(deps, organizationId, use),
    use.credits && describeCredits(deps, organizationId, use.credits),
    describeOrganizationLimits(deps, organizationId, use),
  ])
  const builtIn = Object.fromEntries(
    ALL_METERS.map((meter) => {
      const { used, held } = counted?.get(meter) ?? NOTHING
      const recorded = use.usedUnits[meter]
      const known = isGauge(meter) ? recorded : Math.max(used, recorded) // a gauge can also fall
      const limit = selectLimit(use, meter)
      const units = limit === null ? null : toUnits(meter, limit)
      return [meter, readMeter((amount) => formatUnits(meter, amount), units, { used: known, held })]
    }),
  )
  const meters = { ...builtIn, ...readCustom(use, counted) } as unknown as MeterReadings
  return {
    period: use.period.name,
    resets_at: new Date(use.period.end).toISOString(),
    plan: use.plan,
    rate_limit_per_minute: use.overrides.rate_limit_per_minute ?? use.limits.rate_limit_per_minute,
    max_api_keys: use.overrides.max_api_keys ?? use.limits.max_api_keys,
    ...limits,
    meters,
    ...(credits && { credits }),
    features: {
      ...use.features,
      ...Object.fromEntries(GAUGES.map((gauge) => [`max_${gauge}`, formatLimit(gauge, selectLimit(use, gauge))])),
    },
  }
}

const NOTHING: MeterState = { used: 0, held: 0 }

function readCustom(use: OrganizationUse, counted: ReadonlyMap<MeterName, MeterState> | undefined) {
  return Object.fromEntries(
    Object.entries(use.custom).map(([slug, { kind, scale, units, name, unit }]) => {
      const { used, held } = counted?.get(toMeterName(slug)) ?? NOTHING
      const limit = selectLimit(use, toMeterName(slug))
      const state = { used: kind === 'gauge' ? units : Math.max(used, units), held }
      const most = limit === null ? null : toScaledUnits(limit, scale)
      const reading = readMeter((amount) => fromScaledUnits(amount, scale), most, state)
      return [slug, { ...reading, name, unit, kind }]
    }),
  )
}

/** KEYS: a quota's text, its holds. ARGV: added to the clock (ms), then meters. Answer: used and held of each. */
const LOOK = defineScript(`${QUOTA_FUNCTIONS}
local state = openQuota(redis.call('GET', KEYS[1]), KEYS[2], {}, clock(tonumber(ARGV[1])))
if not state then return {} end
saveQuota(KEYS[1], state)
local answer = {}
for i = 2, #ARGV do
  answer[#answer + 1] = state[ARGV[i]] or 0
  answer[#answer + 1] = state['held:' .. ARGV[i]] or 0
end
return answer`)

/**
 * @returns the counters of Redis, in whole units; `undefined` if Redis has none for this period or does not respond
 */
async function readCounted(
  deps: Deps,
  organizationId: string,
  { period, custom }: OrganizationUse,
): Promise<ReadonlyMap<MeterName, MeterState> | undefined> {
  try {
    const keys = [quotaKey(organizationId, period.name), holdsKey(organizationId, period.name)]
    const meters: MeterName[] = [...ALL_METERS, ...Object.keys(custom).map(toMeterName)]
    const answer = await runScript<number[]>(deps.redis.of(organizationId), LOOK, keys, [deps.redisAheadMs, ...meters])
    return new Map(
      meters.map((meter, at) => [meter, { used: answer[at * 2] ?? 0, held: answer[at * 2 + 1] ?? 0 }] as const),
    )
  } catch (error) {
    logRepeated('warn', 'quota_counter_unread', errorFields(error))
    return undefined
  }
}

/**
 * @param toWire formats units
 * @param limit in units, like the state
 */
function readMeter(
  toWire: (units: number) => number | string,
  limit: number | null,
  { used, held }: MeterState,
): MeterReading<number | string> {
  const known = { limit: limit === null ? null : toWire(limit), used: toWire(used), held: toWire(held) }
  if (limit === null) return { ...known, remaining: null, percent: null, overage: toWire(0) }
  const percent = limit === 0 ? (used > 0 ? 100 : 0) : Math.round((used / limit) * 1000) / 10
  const remaining = Math.max(0, limit - used - held)
  return { ...known, remaining: toWire(remaining), percent, overage: toWire(Math.max(0, used - limit)) }
}
