import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import type { Deps } from '../../deps.ts'
import { toIso } from '../../lib/iso.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { usageBreakdown } from './breakdown.ts'
import { encodeCursor, parseCursor } from './event-cursor.ts'
import { listEvents } from './events.ts'
import { exportUsage, findExternalId } from './export.ts'
import { usageForecast } from './forecast.ts'
import { usageOfKeys } from './key-hours.ts'
import { parseBuckets, parseEventSpan, parseFilter, parseHours, parseHoursOfKey, parseKeyHours } from './query-span.ts'
import { readScope } from './read-scope.ts'
import { requireOrder } from './require-order.ts'
import * as schemas from './schemas.ts'
import { formatDay } from './span.ts'
import { usageSummary } from './summary.ts'
import { usageTimeseries } from './timeseries.ts'

const common = {
  allow: 'usage:read',
  method: 'get',
  tag: 'Usage',
  fails: ['organization_not_found', 'rate_limited'],
} as const

/** Single events show who called from where, which a viewer or a leaked key should not see. */
const single = { ...common, allow: 'usage:events' } as const

const summaryRoute = apiRoute({
  ...common,
  path: '/usage/summary',
  operationId: 'getUsageSummary',
  summary: 'Usage totals',
  description:
    'Defaults to the current month (UTC). Also returns the span of the same length before it. In whole UTC hours: `from` and `to` are extended to them. At most 400 days.',
  query: schemas.SummaryQuery,
  returns: { 200: schemas.Summary },
})

const timeseriesRoute = apiRoute({
  ...common,
  path: '/usage/timeseries',
  operationId: 'getUsageTimeseries',
  summary: 'Usage over time',
  description:
    'By hour, day or month of a time zone. Buckets without usage are zero. A day contains the UTC hours that begin in it, 23 to 25 when clocks change. At most 31 days of hours, 400 days or 60 months; with several filters 2 days.',
  query: schemas.TimeseriesQuery,
  returns: { 200: schemas.Timeseries },
})

const breakdownRoute = apiRoute({
  ...common,
  path: '/usage/breakdown',
  operationId: 'getUsageBreakdown',
  summary: 'Usage by endpoint, key, model and more',
  description: 'Largest first, with the sum of the rest. In whole UTC hours; at most 400 days, or 31 days for one key.',
  query: schemas.BreakdownQuery,
  returns: { 200: schemas.Breakdown },
})

const keysRoute = apiRoute({
  ...common,
  path: '/usage/keys',
  operationId: 'getUsageOfKeys',
  summary: 'Usage of keys by hour and outcome',
  description:
    'The requests of several keys in each UTC hour, by outcome. Defaults to the last 36 hours. At most 5,000 figures per outcome, such as 50 hours for 100 keys, or 31 days for 6. Keys that do not belong to the organization have zeros.',
  query: schemas.KeyHoursQuery,
  returns: { 200: schemas.KeyHours },
})

const eventsRoute = apiRoute({
  ...single,
  path: '/usage/events',
  operationId: 'listUsageEvents',
  summary: 'Single usage events',
  description: 'Newest first. Defaults to the last 24 hours; at most 35 days at a time.',
  query: schemas.EventsQuery,
  returns: { 200: schemas.EventList },
})

const exportRoute = apiRoute({
  ...single,
  path: '/usage/export',
  operationId: 'exportUsage',
  summary: 'Usage as CSV',
  description:
    'Single events (at most 35 days, by default the last 24 hours) or the sums of whole UTC days (at most 400, by default the current month). Text that a spreadsheet would treat as a formula begins with an apostrophe. For a service key, or an administrator who is not a member, the last column is `external_id`. If a file cannot be completed, the transfer is aborted.',
  query: schemas.ExportQuery,
  returns: { 200: null },
  fails: common.fails,
})

const EXPORT_EXAMPLE = 'day,requests,api_calls,errors\r\n2026-11-03,250,250,0\r\n'

Object.assign(exportRoute.responses, {
  200: { description: 'A file.', content: { 'text/csv': { schema: z.string().meta({ example: EXPORT_EXAMPLE }) } } },
})

const forecastRoute = apiRoute({
  ...common,
  path: '/usage/forecast',
  operationId: 'forecastUsage',
  summary: 'Forecast of the quotas',
  description:
    'Projects each meter at the rate of the last seven days, weighted towards recent days: the usage at the end of the period, and when the limit will be reached.',
  query: schemas.ForecastQuery,
  returns: { 200: schemas.Forecast },
})

/** A query costs the database more than a verification, so the rate per organization is limited. */
const limitQueries = ({ deps, organizationId }: { deps: Deps; organizationId: string }) =>
  enforceRateLimits(deps, { usage_analytics: { account: organizationId } })

export const analyticsRoutes = newRouter()
  .openapi(summaryRoute, async (c) => {
    await limitQueries(c.var)
    const { deps } = c.var
    return c.json(await usageSummary(deps.reads, readScope(c.var), parseHours(c.req.valid('query'), deps.now())), 200)
  })
  .openapi(timeseriesRoute, async (c) => {
    await limitQueries(c.var)
    const { deps } = c.var
    const query = c.req.valid('query')
    const filter = parseFilter(query)
    const buckets = parseBuckets(query, filter, deps.now())
    const data = await usageTimeseries(deps.reads, readScope(c.var), buckets, filter)
    return c.json({ interval: query.interval, tz: query.tz, data }, 200)
  })
  .openapi(breakdownRoute, async (c) => {
    await limitQueries(c.var)
    const { deps } = c.var
    const { by, limit, order, key_id, ...bounds } = c.req.valid('query')
    await requireOrder(deps, order)
    const parse = key_id === undefined ? parseHours : parseHoursOfKey
    const ask = { by, limit, order, keyId: key_id, span: parse(bounds, deps.now()) }
    return c.json(await usageBreakdown(deps.reads, readScope(c.var), ask), 200)
  })
  .openapi(keysRoute, async (c) => {
    await limitQueries(c.var)
    const { deps, organizationId } = c.var
    const { key_ids, ...bounds } = c.req.valid('query')
    const hours = parseKeyHours(bounds, deps.now())
    const data = await usageOfKeys(deps.reads, organizationId, key_ids, hours)
    return c.json({ from: toIso(hours.from), to: toIso(hours.to), data }, 200)
  })
  .openapi(eventsRoute, async (c) => {
    await limitQueries(c.var)
    const { deps } = c.var
    const { organizationId, seesCosts } = readScope(c.var)
    const { limit, cursor, id, subject, errors_only, ...query } = c.req.valid('query')
    const filter = { ...parseFilter(query), id, subject, errorsOnly: errors_only === 'true' }
    const [span, after] = [parseEventSpan(query, deps.now()), parseCursor(cursor)]
    const rows = await listEvents(deps.reads, organizationId, { span, filter, after, limit: limit + 1, seesCosts })
    const data = rows.slice(0, limit)
    const last = data.at(-1)
    return c.json({ data, next_cursor: rows.length > limit && last ? encodeCursor(last) : null }, 200)
  })
  .openapi(exportRoute, async (c) => {
    const { deps, organizationId } = c.var
    const { what, ...bounds } = c.req.valid('query')
    const span = (what === 'events' ? parseEventSpan : parseHours)(bounds, deps.now())
    await enforceRateLimits(deps, { usage_export: { account: organizationId } })
    const name = `usage-${what}-${formatDay(span.from)}-${formatDay(span.to - 1)}.csv`
    const scope = readScope(c.var)
    const externalId = scope.seesCosts ? { externalId: await findExternalId(deps.sql, organizationId) } : {}
    return c.body(exportUsage(deps.reads, { ...scope, what, span, ...externalId }), 200, {
      'Content-Type': 'text/csv; charset=utf-8; header=present',
      'Content-Disposition': `attachment; filename="${name}"`,
    })
  })
  .openapi(forecastRoute, async (c) => {
    await limitQueries(c.var)
    return c.json(await usageForecast(c.var.deps.reads, c.var.organizationId, c.var.deps.now()), 200)
  })
