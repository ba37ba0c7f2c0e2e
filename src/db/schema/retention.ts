import { pgTable, text } from 'drizzle-orm/pg-core'
import { updatedAt } from './columns.ts'

/** How far each job has come that goes through a table once, in the order of time: one row for each. */
export const retentionProgress = pgTable('retention_progress', {
  /** As in the job's code. */
  task: text().primaryKey(),
  /** Everything up to here is done: an id that begins with its time, or a time. Empty before the first. */
  position: text().notNull().default(''),
  updatedAt: updatedAt(),
})
