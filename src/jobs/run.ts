import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { JOBS } from './registry.ts'

/** Runs every job of a cron trigger. A job that fails is logged and does not stop the others. */
export async function runJobs(deps: Deps, cron: string, at: number): Promise<void> {
  for (const job of JOBS.filter((one) => one.cron === cron)) {
    const started = deps.now()
    try {
      const result = await job.run(deps, at)
      log('info', 'job_done', { job: job.name, ms: deps.now() - started, ...result })
    } catch (error) {
      log('error', 'job_failed', { job: job.name, ms: deps.now() - started, ...errorFields(error) })
    }
  }
}
