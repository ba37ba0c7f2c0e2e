import { integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'
import { moment } from './columns.ts'

/** How the last run of each job ended: one row per job, written after the run. */
export const jobRuns = pgTable('job_runs', {
  /** As in `src/jobs/registry.ts`. */
  job: text().primaryKey(),
  startedAt: timestamp({ withTimezone: true }).notNull(),
  durationMs: integer().notNull(),
  /** When the last run began that did not fail. */
  succeededAt: moment(),
  /** What the run returned; null where it failed. */
  result: jsonb().$type<Record<string, unknown>>(),
  /** Why the run failed. */
  error: text(),
})
