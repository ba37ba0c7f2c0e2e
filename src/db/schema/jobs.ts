import { integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './columns.ts'

/** The last run of each job: one row per job, written when a run begins and when it ends. */
export const jobRuns = pgTable('job_runs', {
  /** As in `src/jobs/registry.ts`. */
  job: text().primaryKey(),
  startedAt: timestamptz().notNull(),
  /** Null while the run is under way, and for good if it died. */
  endedAt: timestamptz(),
  /** Of the last run that ended, as are `result` and `error`. */
  durationMs: integer().notNull(),
  /** When the last run began that did not fail. */
  succeededAt: timestamptz(),
  /** What the run returned; null where it failed. */
  result: jsonb().$type<Record<string, unknown>>(),
  /** Why the run failed. */
  error: text(),
})
