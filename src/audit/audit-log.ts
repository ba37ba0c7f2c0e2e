import type * as z from 'zod'
import type { auditLogs } from '../db/schema/audit.ts'
import type { AuditLog } from './schemas.ts'

type Row = typeof auditLogs.$inferSelect

/** Serializes a row for administrators. */
export function toAuditLog(row: Row): z.output<typeof AuditLog> {
  return {
    id: row.id,
    organization_id: row.organizationId,
    action: row.action,
    actor: { type: row.actorType, id: row.actorId },
    target: row.targetType !== null && row.targetId !== null ? { type: row.targetType, id: row.targetId } : null,
    result: row.result,
    ip: row.ip,
    user_agent: row.userAgent,
    request_id: row.requestId,
    detail: row.detail,
    created_at: row.createdAt.toISOString(),
  }
}

/** The same for customers, without the addresses and devices of the operator's staff. */
export function toCustomersAuditLog(row: Row): z.output<typeof AuditLog> {
  const isOfOperator = ['administrator', 'service'].includes(row.actorType) || 'impersonator_id' in row.detail
  return { ...toAuditLog(row), ...(isOfOperator && { ip: null, user_agent: null }) }
}
