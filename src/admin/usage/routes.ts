import { apiRoute, newRouter } from '../../api/api-route.ts'
import { usageBreakdown } from '../../usage/analytics/breakdown.ts'
import { checkHours, parseBuckets, parseFilter, parseHours } from '../../usage/analytics/query-span.ts'
import { requireOrder } from '../../usage/analytics/require-order.ts'
import { Summary, Timeseries } from '../../usage/analytics/schemas.ts'
import { isPlatform } from '../../usage/analytics/scope.ts'
import { usageSummary } from '../../usage/analytics/summary.ts'
import { usageTimeseries } from '../../usage/analytics/timeseries.ts'
import { PlatformBreakdown, PlatformBreakdownQuery, PlatformSummaryQuery, PlatformTimeseriesQuery } from './schemas.ts'
import { invalid, readScope } from './scope.ts'

const common = {
  allow: 'administrator',
  service: 'platform:usage:read',
  method: 'get',
  tag: 'Administration',
} as const

const summaryRoute = apiRoute({
  ...common,
  operationId: 'getPlatformUsageSummary',
  path: '/admin/usage/summary',
  summary: 'Usage totals of all organizations',
  description: 'Like `GET /usage/summary`, for all organizations, those on a plan, or one.',
  query: PlatformSummaryQuery,
  returns: { 200: Summary },
})

const timeseriesRoute = apiRoute({
  ...common,
  operationId: 'getPlatformUsageTimeseries',
  path: '/admin/usage/timeseries',
  summary: 'Usage of all organizations over time',
  description: 'Like `GET /usage/timeseries`, for all organizations, those on a plan, or one.',
  query: PlatformTimeseriesQuery,
  returns: { 200: Timeseries },
})

const breakdownRoute = apiRoute({
  ...common,
  operationId: 'getPlatformUsageBreakdown',
  path: '/admin/usage/breakdown',
  summary: 'Usage of all organizations by organization, plan, endpoint and more',
  description:
    'Like `GET /usage/breakdown`, for all organizations, those on a plan, or one; at most 400 days, and 49 hours for `by=key` without `organization_id` or `external_id`. Usage counts for the plan that its organization had when its hour was over.',
  query: PlatformBreakdownQuery,
  returns: { 200: PlatformBreakdown },
})

export const adminUsageRoutes = newRouter()
  .openapi(summaryRoute, async (c) => {
    const { deps, organizationId: organization_id } = c.var
    const { organization_id: _id, external_id: _external, plan, ...bounds } = c.req.valid('query')
    const span = parseHours(bounds, deps.now())
    return c.json(await usageSummary(deps.reads, await readScope(deps, { organization_id, plan }), span), 200)
  })
  .openapi(timeseriesRoute, async (c) => {
    const { deps } = c.var
    const query = c.req.valid('query')
    const filter = parseFilter(query)
    const buckets = parseBuckets(query, filter, deps.now())
    const data = await usageTimeseries(
      deps.reads,
      await readScope(deps, { ...query, organization_id: c.var.organizationId }),
      buckets,
      filter,
    )
    return c.json({ interval: query.interval, tz: query.tz, data }, 200)
  })
  .openapi(breakdownRoute, async (c) => {
    const { deps, organizationId: organization_id } = c.var
    const { by, limit, order, organization_id: _id, external_id: _external, plan, ...bounds } = c.req.valid('query')
    await requireOrder(deps, order)
    const span = parseHours(bounds, deps.now())
    const scope = await readScope(deps, { organization_id, plan })
    if (isPlatform(scope) && by === 'key') checkHours(span, 'for by=key without organization_id or external_id')
    if (!isPlatform(scope) && (by === 'organization' || by === 'plan'))
      throw invalid('by', `must not be ${by} together with organization_id`)
    return c.json(await usageBreakdown(deps.reads, scope, { by, limit, order, span }), 200)
  })
