import { readOverview } from '../../src/admin/overview/queries.ts'
import type { Sql } from '../../src/db/client.ts'
import { toIso } from '../../src/lib/iso.ts'
import { toMonth } from '../../src/lib/period.ts'
import { DIMENSION_NAMES } from '../../src/metering/dimensions.ts'
import { usageBreakdown } from '../../src/usage/analytics/breakdown.ts'
import type { GroupedBy } from '../../src/usage/analytics/breakdown-rows.ts'
import type { Interval } from '../../src/usage/analytics/buckets.ts'
import { listDailySums } from '../../src/usage/analytics/daily-sums.ts'
import { type EventFilter, listEvents } from '../../src/usage/analytics/events.ts'
import type { Filter } from '../../src/usage/analytics/filter.ts'
import { usageForecast } from '../../src/usage/analytics/forecast.ts'
import { usageStatistics } from '../../src/usage/analytics/month.ts'
import { parseBuckets, parseEventSpan, parseHours } from '../../src/usage/analytics/query-span.ts'
import { platformScope, type Scope } from '../../src/usage/analytics/scope.ts'
import { DAY_MS, formatDay, HOUR_MS } from '../../src/usage/analytics/span.ts'
import { usageSummary } from '../../src/usage/analytics/summary.ts'
import { usageTimeseries } from '../../src/usage/analytics/timeseries.ts'
import { LARGE } from './analytics-fill.ts'

/** Runs one query about the large organization. @returns how many rows the answer has */
type Question = (sql: Sql, now: number) => Promise<number>

const [BUSY_KEY, QUIET_KEY] = ['01990000-0000-7000-a000-000000000000', '01990000-0000-7000-a000-000000000019']

/** Whose usage a question is about. */
type Whose = (sql: Sql) => Promise<Scope>

const large: Whose = async () => ({ organizationId: LARGE })
const everybody: Whose = (sql) => platformScope(sql, undefined)
const ofPlan: Whose = (sql) => platformScope(sql, 'bench-1')

const summary =
  (days?: number, whose = large): Question =>
  async (sql, now) => {
    const span = parseHours(days ? { from: toIso(now - days * DAY_MS) } : {}, now)
    await usageSummary(sql, await whose(sql), span)
    return 1
  }

interface Series {
  readonly interval: Interval
  readonly days: number
  readonly tz: string
  readonly filter?: Filter
  readonly whose?: Whose
}

const seriesOf =
  ({ interval, days, tz, filter = {}, whose = large }: Series): Question =>
  async (sql, now) => {
    const buckets = parseBuckets({ interval, tz, from: toIso(now - days * DAY_MS) }, filter, now)
    return (await usageTimeseries(sql, await whose(sql), buckets, filter)).length
  }

const series = (interval: Interval, days: number, tz: string, filter: Filter = {}) =>
  seriesOf({ interval, days, tz, filter })

const breakdown =
  (by: GroupedBy, days: number, whose = large): Question =>
  async (sql, now) => {
    // Off the hour of midnight, so that both edges consist of hours.
    const span = parseHours({ from: toIso(now - days * DAY_MS + HOUR_MS), to: toIso(now) }, now)
    return (await usageBreakdown(sql, await whose(sql), { by, span, limit: 10, order: 'requests' })).data.length
  }

const events =
  (filter: EventFilter, days: number, limit = 101): Question =>
  async (sql, now) => {
    const span = parseEventSpan({ from: toIso(now - days * DAY_MS) }, now)
    return (await listEvents(sql, LARGE, { span, filter, limit })).length
  }

const GROUPS = [...DIMENSION_NAMES, 'organization', 'plan'] as const

/** An operator's questions, about all 1,001 organizations together and about the 250 on a plan. */
const PLATFORM: Readonly<Record<string, Question>> = {
  'all organizations: summary, this month': summary(undefined, everybody),
  'all organizations: summary, 400 days': summary(400, everybody),
  'all organizations: time series, hours of 31 days, Berlin': seriesOf({
    interval: 'hour',
    days: 31,
    tz: 'Europe/Berlin',
    whose: everybody,
  }),
  'all organizations: time series, 399 days, one endpoint': seriesOf({
    interval: 'day',
    days: 399,
    tz: 'Europe/Berlin',
    filter: { endpoint: '/v1/resources/1' },
    whose: everybody,
  }),
  'all organizations: time series, 60 months, Kathmandu': seriesOf({
    interval: 'month',
    days: 1_800,
    tz: 'Asia/Kathmandu',
    whose: everybody,
  }),
  'all organizations: time series, hours of 2 days, environment and status': seriesOf({
    interval: 'hour',
    days: 2,
    tz: 'UTC',
    filter: { environment: 'live', status: '200' },
    whose: everybody,
  }),
  ...Object.fromEntries(
    GROUPS.filter((by) => by !== 'key').flatMap((by) =>
      [31, 400].map((days) => [`all organizations: breakdown by ${by}, ${days} days`, breakdown(by, days, everybody)]),
    ),
  ),
  'all organizations: breakdown by key, 2 days': breakdown('key', 2, everybody),
  'a plan: summary, 400 days': summary(400, ofPlan),
  'a plan: time series, 399 days, one endpoint': seriesOf({
    interval: 'day',
    days: 399,
    tz: 'Europe/Berlin',
    filter: { endpoint: '/v1/resources/1' },
    whose: ofPlan,
  }),
  'a plan: breakdown by endpoint, 400 days': breakdown('endpoint', 400, ofPlan),
  'a plan: breakdown by organization, 400 days': breakdown('organization', 400, ofPlan),
  'admin/overview (a batch of 8)': async (sql, now) => {
    await readOverview(sql, toIso(now), [formatDay(toMonth(now).start), formatDay(now)])
    return 1
  },
}

/** Every kind of question that the analytics answer, each with its longest span. */
export const QUESTIONS: Readonly<Record<string, Question>> = {
  'summary, this month': summary(),
  'summary, 400 days': summary(400),
  'time series, hours of 31 days, Berlin': series('hour', 31, 'Europe/Berlin'),
  'time series, 399 days, Berlin': series('day', 399, 'Europe/Berlin'),
  'time series, 60 months, Kathmandu': series('month', 1_800, 'Asia/Kathmandu'),
  'time series, hours of 31 days, one key': series('hour', 31, 'Europe/Berlin', { key: BUSY_KEY }),
  'time series, 399 days, one endpoint': series('day', 399, 'Europe/Berlin', { endpoint: '/v1/resources/1' }),
  'time series, 60 months, one environment': series('month', 1_800, 'UTC', { environment: 'live' }),
  'time series, hours of 2 days, key and endpoint': series('hour', 2, 'UTC', {
    key: BUSY_KEY,
    endpoint: '/v1/resources/1',
  }),
  'time series, hours of 2 days, environment and status': series('hour', 2, 'UTC', {
    environment: 'live',
    status: '200',
  }),
  ...Object.fromEntries(DIMENSION_NAMES.map((by) => [`breakdown by ${by}, 31 days`, breakdown(by, 31)])),
  ...Object.fromEntries(DIMENSION_NAMES.map((by) => [`breakdown by ${by}, 400 days`, breakdown(by, 400)])),
  'events, last 24 hours': events({}, 1),
  'events, 35 days, errors only': events({ errorsOnly: true }, 35),
  'events, 35 days, a quiet key': events({ key: QUIET_KEY }, 35),
  'events, 35 days, a rare endpoint': events({ endpoint: '/v1/resources/49' }, 35),
  'events, 35 days, a busy key and a rare endpoint': events({ key: BUSY_KEY, endpoint: '/v1/resources/48' }, 35),
  'events, 35 days, a model and a status': events({ model: 'model-3', status: '500' }, 35),
  'events, 35 days, an id that is not there': events({ id: 'nothing' }, 35),
  'export of events, a page': events({}, 35, 4_000),
  'export of daily sums, a page': async (sql, now) =>
    (await listDailySums(sql, LARGE, { span: { from: now - 400 * DAY_MS, to: now }, after: undefined, limit: 4_000 }))
      .length,
  forecast: async (sql, now) => {
    await usageForecast(sql, LARGE, now)
    return 1
  },
  'auth/usage/stats, last month (a batch of 5)': async (sql, now) => {
    await usageStatistics(sql, { organizationId: LARGE }, toMonth(toMonth(now).start - 1))
    return 1
  },
  ...PLATFORM,
}
