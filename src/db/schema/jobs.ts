import { integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import { timestamptz } from './columns.ts'

/** The last run of each job: one row per job, written when a run begins and when it ends. */
export const jobRuns = pgTable('job_runs', {
  /** As in `src/jobs/registry.ts`. */
  job: text().primaryKey(),
  startedAt: timestamptz().notNull(),
  /** Null while the run is in progress, and permanently if it died. */
  endedAt: timestamptz(),
  /** Of the last run that ended, like `result` and `error`. */
  durationMs: integer().notNull(),
  /** When the last run that did not fail began. */
  succeededAt: timestamptz(),
  /** What the run returned; null if it failed. */
  result: jsonb().$type<Record<string, unknown>>(),
  /** Why the run failed. */
  error: text(),
})
