import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { flushWhenDue } from '../metrics/flush.ts'
import { noteRun, noteStart } from './note-run.ts'
import { JOBS, type Job } from './registry.ts'

/**
 * Runs every job of a cron trigger, one after the other. Jobs that wait for external servers start in their turn, and the
 * jobs after them do not wait for their end. A job that fails is logged and does not stop the others.
 */
export async function runJobs(deps: Deps, cron: string, at: number, jobs: readonly Job[] = JOBS): Promise<void> {
  const beside: Promise<void>[] = []
  for (const job of jobs.filter((one) => one.cron === cron)) {
    const run = runJob(deps, job, at)
    if (job.runsBeside) beside.push(run)
    else await run
  }
  await Promise.all(beside)
  flushWhenDue(deps)
}

async function runJob(deps: Deps, job: Job, at: number): Promise<void> {
  const startedAt = deps.now()
  noteStart(deps, { job: job.name, startedAt })
  try {
    const result = await job.run(deps, at)
    const durationMs = deps.now() - startedAt
    log('info', 'job_done', { job: job.name, ms: durationMs, ...result })
    noteRun(deps, { job: job.name, startedAt, durationMs, result })
  } catch (error) {
    const durationMs = deps.now() - startedAt
    const fields = errorFields(error)
    log('error', 'job_failed', { job: job.name, ms: durationMs, ...fields })
    noteRun(deps, { job: job.name, startedAt, durationMs, error: String(fields.message ?? fields.error) })
  }
}
