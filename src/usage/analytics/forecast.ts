import type { Sql } from '../../db/client.ts'
import { COUNTERS, type Counter, forEachMeter, METERS, selectCounters } from '../../db/schema/meters.ts'
import type { LimitOverrides, PlanLimits } from '../../db/schema/shapes.ts'
import { toPeriod } from '../../lib/period.ts'
import { Problem } from '../../problems.ts'
import { forecast, listDays, RATE_DAYS, ratePerDay, startOfDay } from './forecast-rules.ts'
import { readRows } from './read.ts'

const DAY_MS = 86_400_000
const MICRO = 1_000_000

/** Each amount is in whole units, money in micro-dollars. */
type Amounts = Readonly<Record<Counter, number>>

interface Row extends Amounts {
  readonly limits: PlanLimits
  readonly limit_overrides: LimitOverrides
  /** Unix milliseconds. */
  readonly period_anchor: number | null
  readonly first_use: number | null
  readonly days: readonly (Amounts & { readonly day: string })[]
}

const roundedUnits = (amount: string, meter: Counter) => `round(${amount} * ${COUNTERS[meter].unitsPerOne})::float8`

const SELECT = `
select p.limits, o.limit_overrides, extract(epoch from o.period_anchor)::float8 * 1000 as period_anchor,
  ${selectCounters('u', (amount, meter) => roundedUnits(`coalesce(${amount}, 0)`, meter))},
  (select extract(epoch from min(hour))::float8 * 1000 from usage_totals where organization_id = o.id) as first_use,
  (select coalesce(json_agg(days), '[]') from (
    select (hour at time zone 'UTC')::date as day,
      ${selectCounters('t', (amount, meter) => roundedUnits(`sum(${amount})`, meter))}
    from usage_totals t where organization_id = o.id and hour >= $3 and hour <= $2 group by 1) as days) as days
from organizations o
join plans p on p.id = o.plan_id
left join usage_periods u on u.organization_id = o.id
  and u.period_start = usage_period_start(o.period_anchor, $2::timestamptz)
where o.id = $1`

/**
 * How far an organization's quotas last in its current period at the rate of the last days. One statement. Amounts are
 * those recorded, which are a second behind.
 *
 * @throws Problem `organization_not_found`
 */
export async function usageForecast(sql: Sql, organizationId: string, now: number) {
  const since = startOfDay(now) - RATE_DAYS * DAY_MS
  const parameters = [organizationId, new Date(now).toISOString(), new Date(since).toISOString()]
  const [row] = await readRows<Row>(sql, sql.query(SELECT, parameters))
  if (!row) throw new Problem('organization_not_found')
  const period = toPeriod(row.period_anchor ?? undefined, now)
  return {
    period: period.name,
    resets_at: new Date(period.end).toISOString(),
    generated_at: new Date(now).toISOString(),
    meters: forecastMeters((meter) => toForecast(row, meter, { now, periodEnd: period.end })),
  }
}

/** Money as decimal text, everything else as numbers. */
function forecastMeters(of: (meter: Counter) => Outlook): ForecastMeters {
  return forEachMeter(METERS, (meter) => (COUNTERS[meter].isMoney ? inDollars(of(meter)) : of(meter))) as ForecastMeters
}

type Outlook = ReturnType<typeof toForecast>
type ForecastMeters = {
  readonly [Name in Counter]: (typeof COUNTERS)[Name]['isMoney'] extends true ? ReturnType<typeof inDollars> : Outlook
}

function toForecast(row: Row, meter: Counter, { now, periodEnd }: { now: number; periodEnd: number }) {
  const byDay = new Map(row.days.map((day) => [Date.parse(day.day), day[meter]]))
  const rate = ratePerDay(listDays({ firstUse: row.first_use ?? undefined, byDay }, now))
  const limit = row.limit_overrides[meter] ?? row.limits.meters[meter]?.limit ?? null
  const units = limit === null ? null : Math.round(limit * COUNTERS[meter].unitsPerOne)
  const { outlook, exhaustedAt, projected } = forecast({ limit: units, used: row[meter], rate, now, periodEnd })
  return {
    limit: units,
    used: row[meter],
    rate_per_day: rate === null ? null : Math.round(rate),
    projected: projected === null ? null : Math.round(projected),
    outlook,
    exhausted_at: exhaustedAt === null ? null : new Date(exhaustedAt).toISOString(),
  }
}

function inDollars({ limit, used, rate_per_day, projected, ...rest }: Outlook) {
  const dollars = (micro: number | null) => (micro === null ? null : (micro / MICRO).toFixed(6))
  return {
    limit: dollars(limit),
    used: (used / MICRO).toFixed(6),
    rate_per_day: dollars(rate_per_day),
    projected: dollars(projected),
    ...rest,
  }
}
