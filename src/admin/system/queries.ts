import type { Database } from '../../db/orm.ts'
import { jobRuns } from '../../db/schema/jobs.ts'

export type JobRunRow = typeof jobRuns.$inferSelect

/** Reads the last run of each job, by the job's name. */
export async function listJobRuns(db: Database): Promise<ReadonlyMap<string, JobRunRow>> {
  const rows = await db.select().from(jobRuns)
  return new Map(rows.map((row) => [row.job, row]))
}
