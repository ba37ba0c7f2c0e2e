import * as z from 'zod'
import type { Sql } from '../db/client.ts'
import { ALL_METERS, forEachMeter, GAUGES, type Meter, selectCounters } from '../db/schema/meters.ts'
import type { LimitOverrides, PlanFeatures, PlanLimits } from '../db/schema/shapes.ts'
import { defineScript, runScript } from '../db/script.ts'
import type { Deps } from '../deps.ts'
import { organizationFilter } from '../http/fields.ts'
import { errorFields, log } from '../lib/log.ts'
import { type Period, toPeriod } from '../lib/period.ts'
import { Problem } from '../problems.ts'
import type { MeterReading, MeterReadings } from '../rpc-types.ts'
import { holdsKey, type MeterState, quotaKey } from './limit-request.ts'
import { formatAmount, formatLimit, fromUnits } from './meter-units.ts'
import { QUOTA_FUNCTIONS } from './quota-script.ts'

export const QuotasInput = z.strictObject({ ...organizationFilter })

/** An organization's limits and use according to Postgres. Amounts in the units that people read. */
export interface OrganizationUse {
  /** Raised by every change of the following fields, except `used`. */
  readonly version: number
  readonly plan: string
  readonly limits: PlanLimits
  readonly features: PlanFeatures
  readonly overrides: LimitOverrides
  /** Unix milliseconds; absent for calendar months. */
  readonly periodAnchor: number | undefined
  readonly period: Period
  readonly used: Readonly<Record<Meter, number>>
  /** The calls among them that verifications counted in even and in odd generations (limits/quota-script.ts). */
  readonly lanes: readonly [number, number]
}

type Row = Record<Meter, string> & {
  version: number
  plan_id: string
  limits: PlanLimits
  features: PlanFeatures
  limit_overrides: LimitOverrides
  period_anchor: number | null
  even_calls: string
  odd_calls: string
}

const describeReading = (gauge: Meter) =>
  `coalesce((select value from usage_gauges g where g.organization_id = o.id and g.meter = '${gauge}'), 0) as ${gauge}`

const SELECT_USE = `
select o.version, o.plan_id, p.limits, p.features, o.limit_overrides, extract(epoch from o.period_anchor)::float8 * 1000 as period_anchor,
  coalesce(u.even_calls, 0) as even_calls, coalesce(u.odd_calls, 0) as odd_calls,
  ${selectCounters('u', (amount) => `coalesce(${amount}, 0)`)}, ${GAUGES.map(describeReading).join(', ')}
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
    plan: row.plan_id,
    limits: row.limits,
    features: row.features,
    overrides: row.limit_overrides,
    periodAnchor: row.period_anchor ?? undefined,
    period: toPeriod(row.period_anchor ?? undefined, now),
    used: forEachMeter(ALL_METERS, (meter) => Number(row[meter])),
    lanes: [Number(row.even_calls), Number(row.odd_calls)],
  }
}

const isGauge = (meter: Meter) => (GAUGES as readonly Meter[]).includes(meter)

/** An organization's limit of a meter: its own, else its plan's; `null` for none. */
export function selectLimit({ limits, overrides }: OrganizationUse, meter: Meter): number | null {
  return overrides[meter] ?? limits.meters[meter]?.limit ?? null
}

/**
 * An organization's quotas right now. Meters that Redis counts are read from Redis. While Redis fails, all figures are
 * those recorded in Postgres.
 *
 * @throws Problem `organization_not_found`
 */
export async function readQuotas(deps: Deps, organizationId: string) {
  const use = await getUse(deps.sql, organizationId, deps.now())
  const counted = await readCounted(deps, organizationId, use.period)
  const meters = Object.fromEntries(
    ALL_METERS.map((meter) => {
      const { used, held } = counted?.get(meter) ?? { used: 0, held: 0 }
      const known = isGauge(meter) ? use.used[meter] : Math.max(used, use.used[meter]) // a gauge can also fall
      return [meter, readMeter(meter, selectLimit(use, meter), { used: known, held })]
    }),
  ) as unknown as MeterReadings
  return {
    period: use.period.name,
    resets_at: new Date(use.period.end).toISOString(),
    plan: use.plan,
    rate_limit_per_minute: use.overrides.rate_limit_per_minute ?? use.limits.rate_limit_per_minute,
    max_api_keys: use.overrides.max_api_keys ?? use.limits.max_api_keys,
    meters,
    features: {
      ...use.features,
      ...Object.fromEntries(GAUGES.map((gauge) => [`max_${gauge}`, formatLimit(gauge, selectLimit(use, gauge))])),
    },
  }
}

/** KEYS: a quota's hash, its holds. ARGV: added to the clock (ms), then meters. Answer: used and held of each. */
const LOOK = defineScript(`${QUOTA_FUNCTIONS}
local state = openQuota(KEYS[1], KEYS[2], {}, clock(tonumber(ARGV[1])))
if not state then return {} end
local answer = {}
for i = 2, #ARGV do
  answer[#answer + 1] = state[ARGV[i]] or 0
  answer[#answer + 1] = state['held:' .. ARGV[i]] or 0
end
return answer`)

/**
 * @returns the counters of Redis, in the units that people read; `undefined` if Redis has none for this period or does
 *   not answer
 */
async function readCounted(deps: Deps, organizationId: string, period: Period) {
  try {
    const keys = [quotaKey(organizationId, period.name), holdsKey(organizationId, period.name)]
    const answer = await runScript<number[]>(deps.redis, LOOK, keys, [deps.redisAheadMs, ...ALL_METERS])
    const state = (meter: Meter, at: number): MeterState => ({
      used: fromUnits(meter, answer[at * 2] ?? 0),
      held: fromUnits(meter, answer[at * 2 + 1] ?? 0),
    })
    return new Map(ALL_METERS.map((meter, at) => [meter, state(meter, at)]))
  } catch (error) {
    log('warn', 'quota_counter_unread', errorFields(error))
    return undefined
  }
}

function readMeter(meter: Meter, limit: number | null, { used, held }: MeterState): MeterReading<number | string> {
  const toWire = (amount: number) => formatAmount(meter, amount)
  const known = { limit: formatLimit(meter, limit), used: toWire(used), held: toWire(held) }
  if (limit === null) return { ...known, remaining: null, percent: null, overage: toWire(0) }
  const percent = limit === 0 ? (used > 0 ? 100 : 0) : Math.round((used / limit) * 1000) / 10
  const remaining = Math.max(0, limit - used - held)
  return { ...known, remaining: toWire(remaining), percent, overage: toWire(Math.max(0, used - limit)) }
}
