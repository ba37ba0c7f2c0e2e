import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'

/** How a job's run ended. */
export interface JobRun {
  readonly job: string
  /** Unix milliseconds. */
  readonly startedAt: number
  readonly durationMs: number
  /** What the run returned; absent if it failed. */
  readonly result?: Readonly<Record<string, unknown>>
  /** Why it failed. */
  readonly error?: string
}

/** A run whose end is already recorded is not changed. */
const BEGIN = `
insert into job_runs (job, started_at, duration_ms) values ($1, $2::timestamptz, 0)
on conflict (job) do update set started_at = excluded.started_at, ended_at = null
where job_runs.started_at < excluded.started_at`

/** Of two concurrent runs, the row shows the one that began last. */
const END = `
insert into job_runs (job, started_at, ended_at, duration_ms, succeeded_at, result, error)
values ($1, $2::timestamptz, $2::timestamptz + $3 * interval '1 millisecond', $3,
  case when $5::text is null then $2::timestamptz end, $4::jsonb, $5)
on conflict (job) do update set started_at = excluded.started_at, ended_at = excluded.ended_at, duration_ms = excluded.duration_ms,
  succeeded_at = coalesce(excluded.succeeded_at, job_runs.succeeded_at), result = excluded.result, error = excluded.error
where job_runs.started_at <= excluded.started_at`

/** Records in the job's row that a run has begun, concurrently with the run: best effort, like its end. */
export function noteStart(deps: Deps, { job, startedAt }: Pick<JobRun, 'job' | 'startedAt'>): void {
  deps.defer(write(deps, BEGIN, [job, new Date(startedAt).toISOString()]))
}

/** Records a run in its job's row, concurrently with the next job: best effort, so that it neither slows a job nor fails one. */
export function noteRun(deps: Deps, { job, startedAt, durationMs, result, error }: JobRun): void {
  const parameters = [
    job,
    new Date(startedAt).toISOString(),
    durationMs,
    result && JSON.stringify(result),
    error ?? null,
  ]
  deps.defer(write(deps, END, parameters))
}

async function write({ sql }: Deps, statement: string, parameters: unknown[]): Promise<void> {
  try {
    await sql.query(statement, parameters)
  } catch (failure) {
    log('warn', 'job_run_not_noted', { job: parameters[0], ...errorFields(failure) })
  }
}
