import { integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './columns.ts'

/** How the last run of each job ended: one row per job, written after the run. */
export const jobRuns = pgTable('job_runs', {
  /** As in `src/jobs/registry.ts`. */
  job: text().primaryKey(),
  startedAt: timestamptz().notNull(),
  durationMs: integer().notNull(),
  /** When the last run began that did not fail. */
  succeededAt: timestamptz(),
  /** What the run returned; null where it failed. */
  result: jsonb().$type<Record<string, unknown>>(),
  /** Why the run failed. */
  error: text(),
})
