import { apiRoute, newRouter } from '../api/api-route.ts'
import { principalId } from '../auth/principal.ts'
import { pageEnd } from '../http/paging.ts'
import { page } from '../lib/cursor.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { toAuditLog, toCustomersAuditLog } from './audit-log.ts'
import { listAllAuditLogs, listOrganizationAuditLogs } from './queries.ts'
import { AuditLogList, AuditQuery } from './schemas.ts'

const listRoute = apiRoute({
  allow: 'audit:read',
  method: 'get',
  path: '/audit-logs',
  tag: 'Audit',
  operationId: 'listAuditLogs',
  summary: "List an organization's audit log",
  description:
    'Newest first. Rows cannot be changed. They are kept for two years, unless the operator sets another time.',
  query: AuditQuery,
  returns: { 200: AuditLogList },
  fails: ['organization_not_found', 'rate_limited'],
})

const listAllRoute = apiRoute({
  allow: 'administrator',
  service: 'platform:audit:read',
  method: 'get',
  path: '/admin/audit-logs',
  tag: 'Administration',
  operationId: 'listAllAuditLogs',
  summary: 'List the audit log of the whole deployment',
  description: 'Newest first, including rows without an organization.',
  query: AuditQuery,
  returns: { 200: AuditLogList },
  fails: ['rate_limited'],
})

export const auditRoutes = newRouter()
  .openapi(listRoute, async (c) => {
    await enforceRateLimits(c.var.deps, { audit_read: { account: c.var.organizationId } })
    const { limit, cursor, organization_id: _id, external_id: _external, ...filter } = c.req.valid('query')
    const end = { limit, after: pageEnd(cursor) }
    const rows = await listOrganizationAuditLogs(c.var.deps.db, c.var.organizationId, filter, end)
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toCustomersAuditLog), next_cursor }, 200)
  })
  .openapi(listAllRoute, async (c) => {
    await enforceRateLimits(c.var.deps, { audit_read: { account: principalId(c.var.principal) ?? 'unknown' } })
    const { limit, cursor, organization_id: _id, external_id: _external, ...rest } = c.req.valid('query')
    const filter = { ...rest, organizationId: c.var.organizationId }
    const rows = await listAllAuditLogs(c.var.deps.db, filter, { limit, after: pageEnd(cursor) })
    const { data, next_cursor } = page(rows, limit)
    return c.json({ data: data.map(toAuditLog), next_cursor }, 200)
  })
