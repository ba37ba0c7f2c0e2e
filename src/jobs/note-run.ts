import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/** How a job's run ended. */
export interface JobRun {
  readonly job: string
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly durationMs: number
  /** What the run returned; absent where it failed. */
  readonly result?: Readonly<Record<string, unknown>>
  /** Why it failed. */
  readonly error?: string
}

/** Of two runs at once the row shows the one that began last. */
const NOTE = `
insert into job_runs (job, started_at, duration_ms, succeeded_at, result, error)
values ($1, $2::timestamptz, $3, case when $5::text is null then $2::timestamptz end, $4::jsonb, $5)
on conflict (job) do update set started_at = excluded.started_at, duration_ms = excluded.duration_ms,
  succeeded_at = coalesce(excluded.succeeded_at, job_runs.succeeded_at), result = excluded.result, error = excluded.error
where job_runs.started_at <= excluded.started_at`

/** Writes a run into its job's row, beside the next job: best effort, so that it neither slows a job nor fails one. */
export function noteRun(deps: Deps, run: JobRun): void {
  deps.defer(write(deps, run))
}

async function write({ sql }: Deps, { job, startedAt, durationMs, result, error }: JobRun): Promise<void> {
  try {
    const parameters = [
      job,
      new Date(startedAt).toISOString(),
      durationMs,
      result && JSON.stringify(result),
      error ?? null,
    ]
    await sql.query(NOTE, parameters)
  } catch (failure) {
    log('warn', 'job_run_not_noted', { job, ...errorFields(failure) })
  }
}
