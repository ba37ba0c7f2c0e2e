import { and, desc, eq, gte, lt, lte, type SQL, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { readBriefly } from '../db/read-briefly.ts'
import { auditLogs } from '../db/schema/audit.ts'
import { type PageRequest } from '../http/paging.ts'
import { readTime } from '../lib/id-time.ts'
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
  const own = [eq(auditLogs.organizationId, organizationId), ...isAfterRow(page.after), ...conditions(filter)]
  const read = select(db, own).orderBy(desc(auditLogs.createdAt), desc(auditLogs.id))
  return readBriefly(db, read.limit(page.limit + 1))
}

/** The same for all organizations and for rows without one, by id: ids sort by time, and are indexed. */
export function listAllAuditLogs(
  db: Database,
  { organizationId, ...filter }: AuditFilter & { readonly organizationId?: string | undefined },
  page: PageRequest,
) {
  const read = select(db, [
    organizationId === undefined ? undefined : eq(auditLogs.organizationId, organizationId),
    page.after ? lt(auditLogs.id, page.after) : undefined,
    page.after ? isUntil(page.after) : undefined,
    ...conditions(filter),
  ])
  return readBriefly(db, read.orderBy(desc(auditLogs.id)).limit(page.limit + 1))
}

/** Selects the rows that follow a row. Also uses the row's time, because an id alone would be searched in every partition. */
function isAfterRow(id: string | undefined): SQL[] {
  if (id === undefined) return []
  const row = sql`select created_at, id from audit_logs where id = ${id}::uuid and ${isNear(id)}`
  return [sql`(created_at, id) < (${row})`, isUntil(id)]
}

/** An id begins with the time of its row. It differs from `created_at` by less than this, because clocks do. */
const MAX_DIFFERENCE_MS = 24 * 3_600_000

/** A condition that lets Postgres prune partitions of other months. An id without a time prunes none. */
function isUntil(id: string): SQL {
  const time = readTime(id)
  return time === undefined ? sql`true` : lte(auditLogs.createdAt, new Date(time + MAX_DIFFERENCE_MS))
}

function isNear(id: string): SQL {
  const time = readTime(id)
  return time === undefined
    ? sql`true`
    : sql`${isUntil(id)} and ${gte(auditLogs.createdAt, new Date(time - MAX_DIFFERENCE_MS))}`
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
