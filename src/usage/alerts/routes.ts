import type * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { pageEnd } from '../../http/paging.ts'
import { page } from '../../lib/cursor.ts'
import { toIso } from '../../lib/iso.ts'
import { formatNamedAmount } from '../../limits/quota-reading.ts'
import { type AlertRow, listAlerts } from './queries.ts'
import {
  AlertListQuery,
  AlertThresholds,
  AlertThresholdsChange,
  OrganizationQuery,
  type UsageAlert,
  UsageAlertList,
} from './schemas.ts'
import { readThresholds, setThresholds } from './thresholds.ts'
import { toPassed } from './to-passed.ts'

const tag = 'Usage'

const listAlertsRoute = apiRoute({
  allow: 'usage:read',
  method: 'get',
  path: '/usage/alerts',
  tag,
  operationId: 'listUsageAlerts',
  summary: 'List usage alerts',
  description:
    'Latest first: every percentage of a limit that was passed, once per period and limit, and every amount, once per period.',
  query: AlertListQuery,
  returns: { 200: UsageAlertList },
  fails: ['organization_not_found'],
})

const thresholds = { tag, path: '/usage/alerts/thresholds', query: OrganizationQuery } as const

const readThresholdsRoute = apiRoute({
  ...thresholds,
  allow: 'usage:read',
  method: 'get',
  operationId: 'getAlertThresholds',
  summary: 'Get the alert thresholds',
  returns: { 200: AlertThresholds },
  fails: ['organization_not_found'],
})

const setThresholdsRoute = apiRoute({
  ...thresholds,
  allow: 'usage:alerts',
  method: 'put',
  operationId: 'setAlertThresholds',
  summary: 'Set the alert thresholds',
  description:
    'At each percentage of a limit, and at each amount, owners and admins get an email, and endpoints get `quota.threshold_reached`. 100 % is always included.',
  body: AlertThresholdsChange,
  credentials: true,
  returns: { 200: AlertThresholds },
  fails: ['organization_not_found', 'meter_not_found'],
})

export const alertRoutes = newRouter()
  .openapi(listAlertsRoute, async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const rows = await listAlerts(c.var.deps.db, c.var.organizationId, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toAlert), next_cursor }, 200)
  })
  .openapi(readThresholdsRoute, async (c) => c.json(await readThresholds(c.var.deps, c.var.organizationId), 200))
  .openapi(setThresholdsRoute, async (c) => {
    const { deps, principal, organizationId } = c.var
    return c.json(await setThresholds(deps, principal, organizationId, c.req.valid('json')), 200)
  })

function toAlert({ period_start, crossed_at, notified_at, ...row }: AlertRow): z.output<typeof UsageAlert> {
  return {
    ...row,
    ...toPassed(row),
    used: formatNamedAmount(row.meter, row.used),
    period_start: toIso(period_start),
    crossed_at: toIso(crossed_at),
    notified_at: notified_at && toIso(notified_at),
  }
}
