import { integer, jsonb, pgTable, uuid } from 'drizzle-orm/pg-core'
import { timestamptz } from './columns.ts'

/**
 * What each isolate has counted since its row began (src/metrics): one row per isolate, overwritten. The sum of all rows
 * never decreases: rows of isolates that are gone are added to the row whose id is all zeros.
 */
export const metricCounters = pgTable('metric_counters', {
  isolate: uuid().primaryKey(),
  /** Numbers the writes of the row; a write with a lower number than the stored one arrived late and is ignored. */
  flush: integer().notNull(),
  /** Totals by `name|label` and `name|label|bucket`. */
  counters: jsonb().$type<Readonly<Record<string, number>>>().notNull(),
  /** By the database's clock. */
  writtenAt: timestamptz().notNull().defaultNow(),
})
