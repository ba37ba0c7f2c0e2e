import * as z from 'zod'
import { apiRoute, newRouter } from '../api/api-route.ts'
import { actsAsOperator } from '../auth/organization-access.ts'
import { organizationRef } from '../http/fields.ts'
import { monthNamed, toMonth } from '../lib/period.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { readQuotas } from '../limits/quotas.ts'
import { usageStatistics } from './analytics/month.ts'
import { PeriodQuery, Quotas, Statistics } from './schemas.ts'

const tag = 'Usage'

const statisticsRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/auth/usage/stats',
  tag,
  operationId: 'getUsageStatistics',
  summary: 'Usage of a month',
  description: 'In total, and by endpoint, model, key, route and day. Complete except for the last second.',
  query: PeriodQuery,
  returns: { 200: Statistics },
  fails: ['organization_not_found', 'rate_limited'],
})

const quotasRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/quotas',
  tag,
  operationId: 'listQuotas',
  summary: 'Quotas of the current month',
  description: 'In real time: it includes the last verification.',
  query: z.strictObject({ ...organizationRef }),
  returns: { 200: Quotas },
  fails: ['organization_not_found'],
})

export const usageRoutes = newRouter()
  .openapi(statisticsRoute, async (c) => {
    const { period } = c.req.valid('query')
    const { deps, principal, organizationId } = c.var
    await enforceRateLimits(deps, { usage_analytics: { account: organizationId } })
    const seesCosts = actsAsOperator(principal, 'usage:read', organizationId)
    const month = (period && monthNamed(period)) || toMonth(deps.now())
    return c.json(await usageStatistics(deps.sql, { organizationId, seesCosts }, month), 200)
  })
  .openapi(quotasRoute, async (c) => c.json(await readQuotas(c.var.deps, c.var.organizationId), 200))
