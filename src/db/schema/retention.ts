import { pgTable, text } from 'drizzle-orm/pg-core'
import { updatedAt } from './columns.ts'

/** The progress of each job that goes through a table once, in order of time: one row per job. */
export const retentionProgress = pgTable('retention_progress', {
  /** As in the job's code. */
  task: text().primaryKey(),
  /** Everything up to here is done: an id that begins with its time, or a time. Empty before the first run. */
  position: text().notNull().default(''),
  updatedAt: updatedAt(),
})
