import { sql } from 'drizzle-orm'
import { check, index, numeric, pgTable, primaryKey, smallint, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz } from './columns.ts'
import { organizations } from './organizations.ts'
import { ALERT_KINDS } from './shapes.ts'

/**
 * A threshold that was passed: one row per period, meter, kind, limit and threshold, so that a raised limit can be passed
 * again. An amount is passed only once per period.
 */
export const usageAlerts = pgTable(
  'usage_alerts',
  {
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    meter: text().notNull(),
    periodStart: timestamp({ withTimezone: true }).notNull(),
    kind: text({ enum: ALERT_KINDS }).notNull().default('percentage'),
    /** The limit. For the other kinds, the amount that was passed. */
    limitValue: numeric({ precision: 24, scale: 9 }).notNull(),
    /** Percent of the limit, or of the amount. For an amount it is always 100. */
    threshold: smallint().notNull(),
    /** The usage when the alert was raised. For overage, only the usage above the limit. */
    used: numeric({ precision: 24, scale: 9 }).notNull(),
    crossedAt: createdAt(),
    /** When emails and webhooks were queued; null until then. */
    notifiedAt: timestamptz(),
    /** The cursor of lists, and the id in webhooks. The primary key makes each alert happen once. */
    id: uuid().notNull().defaultRandom(),
  },
  (t) => [
    primaryKey({
      name: 'usage_alerts_pkey',
      columns: [t.organizationId, t.periodStart, t.meter, t.kind, t.limitValue, t.threshold],
    }),
    check('usage_alerts_kind', sql`${t.kind} in ('percentage', 'usage', 'overage')`),
    index('usage_alerts_crossed').on(t.organizationId, t.crossedAt),
    index('usage_alerts_open').on(t.crossedAt).where(sql`${t.notifiedAt} is null`),
  ],
)
