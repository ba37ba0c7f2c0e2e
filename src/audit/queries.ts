import { and, desc, eq, gte, lt, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { auditLogs } from '../db/schema/audit.ts'
import { type PageRequest } from '../http/paging.ts'
import type { AuditAction } from './actions.ts'

interface AuditFilter {
  readonly action?: AuditAction | undefined
  readonly actor_id?: string | undefined
  readonly target_id?: string | undefined
  readonly result?: 'success' | 'failure' | undefined
  /** ISO 8601; `to` is exclusive. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

/** Selects one page of an organization's rows, newest first, plus one row if there is another page. */
export function listOrganizationAuditLogs(
  db: Database,
  organizationId: string,
  filter: AuditFilter,
  page: PageRequest,
) {
  const rest = page.after
    ? sql`(created_at, id) < (select created_at, id from audit_logs where id = ${page.after}::uuid)`
    : undefined
  return select(db, [eq(auditLogs.organizationId, organizationId), rest, ...conditions(filter)])
    .orderBy(desc(auditLogs.createdAt), desc(auditLogs.id))
    .limit(page.limit + 1)
}

/** The same for all organizations and for rows without one, by id: ids sort by time, and are indexed. */
export function listAllAuditLogs(
  db: Database,
  { organizationId, ...filter }: AuditFilter & { readonly organizationId?: string | undefined },
  page: PageRequest,
) {
  return select(db, [
    organizationId === undefined ? undefined : eq(auditLogs.organizationId, organizationId),
    page.after ? lt(auditLogs.id, page.after) : undefined,
    ...conditions(filter),
  ])
    .orderBy(desc(auditLogs.id))
    .limit(page.limit + 1)
}

function select(db: Database, conditions: (SQL | undefined)[]) {
  return db
    .select()
    .from(auditLogs)
    .where(and(...conditions))
}

function conditions({ action, actor_id, target_id, result, from, to }: AuditFilter) {
  return [
    action === undefined ? undefined : eq(auditLogs.action, action),
    actor_id === undefined ? undefined : eq(auditLogs.actorId, actor_id),
    target_id === undefined ? undefined : eq(auditLogs.targetId, target_id),
    result === undefined ? undefined : eq(auditLogs.result, result),
    from === undefined ? undefined : gte(auditLogs.createdAt, new Date(from)),
    to === undefined ? undefined : lt(auditLogs.createdAt, new Date(to)),
  ]
}
