import type { Sql } from '../../db/client.ts'
import { toMeterName } from '../../db/schema/meter-names.ts'
import { COUNTERS, type Counter, forEachMeter, METERS, selectCounters } from '../../db/schema/meters.ts'
import type { LimitOverrides, PlanLimits } from '../../db/schema/shapes.ts'
import { toPeriod } from '../../lib/period.ts'
import { fromScaledUnits, limitOf } from '../../limits/meters/quantities.ts'
import { formatUnits, toUnits } from '../../limits/meters/units.ts'
import { Problem } from '../../problems.ts'
import { forecast, listDays, RATE_DAYS, ratePerDay, startOfDay } from './forecast-rules.ts'
import { readRows } from './read.ts'

const DAY_MS = 86_400_000

/** Each amount is in whole units, money in nano-dollars. */
type Amounts = Readonly<Record<Counter, number>>

interface Row extends Amounts {
  readonly limits: PlanLimits
  readonly limit_overrides: LimitOverrides
  /** Unix milliseconds. */
  readonly period_anchor: number | null
  readonly first_use: number | null
  readonly days: readonly (Amounts & { readonly day: string })[]
  /** By slug. */
  readonly custom: Readonly<Record<string, CustomRow>> | null
}

/** A custom counter. Amounts are in the units that people read. */
interface CustomRow {
  readonly scale: number
  readonly used: number
  readonly days: readonly { readonly day: string; readonly amount: number }[]
}

const roundedUnits = (amount: string, meter: Counter) => `round(${amount} * ${COUNTERS[meter].unitsPerOne})::float8`

const SELECT = `
select plan_limits(p.limits, o.limit_additions) as limits, o.limit_overrides, extract(epoch from o.period_anchor)::float8 * 1000 as period_anchor,
  ${selectCounters('u', (amount, meter) => roundedUnits(`coalesce(${amount}, 0)`, meter))},
  (select extract(epoch from min(hour))::float8 * 1000 from usage_totals where organization_id = o.id) as first_use,
  (select coalesce(json_agg(days), '[]') from (
    select (hour at time zone 'UTC')::date as day,
      ${selectCounters('t', (amount, meter) => roundedUnits(`sum(${amount})`, meter))}
    from usage_totals t where organization_id = o.id and hour >= $3 and hour <= $2 group by 1) as days) as days,
  (select json_object_agg(m.slug, json_build_object('scale', m.scale, 'used', coalesce(c.amount, 0), 'days', (
    select coalesce(json_agg(days), '[]') from (
      select (hour at time zone 'UTC')::date as day, sum(amount) as amount from usage_meter_hourly h
      where h.organization_id = o.id and h.hour >= $3 and h.hour <= $2 and h.meter = m.slug group by 1) as days)))
    from meters m left join usage_meter_periods c on c.organization_id = o.id and c.meter = m.slug
      and c.period_start = usage_period_start(o.period_anchor, $2::timestamptz)
    where not m.is_builtin and m.kind = 'counter') as custom
from organizations o
join plans p on p.id = o.plan_id
left join usage_periods u on u.organization_id = o.id
  and u.period_start = usage_period_start(o.period_anchor, $2::timestamptz)
where o.id = $1`

/**
 * How long an organization's quotas last in its current period at the rate of the last days. One statement. Amounts are
 * the recorded ones, which lag by a second.
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
    meters: {
      ...forecastCustom(row, { now, periodEnd: period.end }),
      ...forecastMeters((meter) => toForecast(row, meter, { now, periodEnd: period.end })),
    },
  }
}

interface Moment {
  readonly now: number
  readonly periodEnd: number
}

function forecastCustom(row: Row, moment: Moment): Record<string, Outlook> {
  return Object.fromEntries(
    Object.entries(row.custom ?? {}).map(([slug, { scale, used, days }]) => {
      const units = (amount: number) => Math.round(amount * 10 ** scale)
      const byDay = new Map(days.map(({ day, amount }) => [Date.parse(day), units(amount)]))
      const limit = limitOf(row.limits, row.limit_overrides, toMeterName(slug))
      const outlook = describeOutlook(
        row,
        { byDay, used: units(used), limit: limit === null ? null : units(limit) },
        moment,
      )
      const amount = (counted: number | null) => (counted === null ? null : fromScaledUnits(counted, scale))
      return [
        slug,
        {
          ...outlook,
          limit,
          used,
          rate_per_day: amount(outlook.rate_per_day),
          projected: amount(outlook.projected),
        },
      ]
    }),
  )
}

/** Money as decimal text, everything else as numbers. */
function forecastMeters(of: (meter: Counter) => Outlook): ForecastMeters {
  return forEachMeter(METERS, (meter) => (COUNTERS[meter].isMoney ? inDollars(of(meter)) : of(meter))) as ForecastMeters
}

type Outlook = ReturnType<typeof toForecast>
type ForecastMeters = {
  readonly [Name in Counter]: (typeof COUNTERS)[Name]['isMoney'] extends true ? ReturnType<typeof inDollars> : Outlook
}

function toForecast(row: Row, meter: Counter, moment: Moment) {
  const byDay = new Map(row.days.map((day) => [Date.parse(day.day), day[meter]]))
  const limit = row.limit_overrides[meter] ?? row.limits.meters[meter]?.limit ?? null
  const units = limit === null ? null : toUnits(meter, limit)
  return describeOutlook(row, { byDay, used: row[meter], limit: units }, moment)
}

/** Amounts in whole units. */
interface CountedUse {
  /** By the start of the day. */
  readonly byDay: ReadonlyMap<number, number>
  readonly used: number
  readonly limit: number | null
}

function describeOutlook({ first_use }: Row, { byDay, used, limit }: CountedUse, { now, periodEnd }: Moment) {
  const rate = ratePerDay(listDays({ firstUse: first_use ?? undefined, byDay }, now))
  const { outlook, exhaustedAt, projected } = forecast({ limit, used, rate, now, periodEnd })
  return {
    limit,
    used,
    rate_per_day: rate === null ? null : Math.round(rate),
    projected: projected === null ? null : Math.round(projected),
    outlook,
    exhausted_at: exhaustedAt === null ? null : new Date(exhaustedAt).toISOString(),
  }
}

const toDollars = (nano: number | null) => (nano === null ? null : formatUnits('cost_usd', nano))

/** An estimate is not more precise than millionths of a dollar. */
const estimateDollars = (nano: number | null) => toDollars(nano === null ? null : Math.round(nano / 1_000) * 1_000)

function inDollars({ limit, used, rate_per_day, projected, ...rest }: Outlook) {
  return {
    limit: toDollars(limit),
    used: formatUnits('cost_usd', used),
    rate_per_day: estimateDollars(rate_per_day),
    projected: estimateDollars(projected),
    ...rest,
  }
}
