import { index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt } from './columns.ts'

/**
 * Who did what to what, and from where. Append-only: triggers allow only inserts and the erasure of old addresses (see
 * the migrations). Partitioned by month of `created_at`; whole partitions are dropped after the retention.
 *
 * The table itself has no primary key, which would have to contain `created_at`. Each partition has one on `id`.
 */
export const auditLogs = pgTable(
  'audit_logs',
  {
    id: uuid().notNull(),
    /**
     * Null for actions outside any organization, such as a failed login to an unknown address. No reference: the row
     * outlives the organization.
     */
    organizationId: uuid(),
    actorType: text({ enum: ['user', 'key', 'administrator', 'service', 'external', 'portal', 'system'] }).notNull(),
    actorId: uuid(),
    action: text().notNull(),
    targetType: text(),
    targetId: text(),
    result: text({ enum: ['success', 'failure'] }).notNull(),
    ip: text(),
    userAgent: text(),
    requestId: text(),
    detail: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    createdAt: createdAt(),
  },
  (t) => [
    index('audit_logs_organization').on(t.organizationId, t.createdAt),
    index('audit_logs_actor').on(t.actorId, t.createdAt),
    index('audit_logs_target').on(t.targetId, t.createdAt),
  ],
)
