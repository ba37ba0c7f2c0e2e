import type * as z from 'zod'
import { KNOWN_MIGRATIONS, readSchemaVersion } from '../../db/schema-version.ts'
import type { ManagementDeps } from '../../deps.ts'
import { JOBS, type Job, PERIOD_SECONDS } from '../../jobs/registry.ts'
import { judgeJob } from '../../jobs/rules.ts'
import { countBacklogs, WORK } from '../../jobs/work.ts'
import { dateToIso } from '../../lib/iso.ts'
import { errorFields, log } from '../../lib/log.ts'
import { measureSpool } from '../../metering/spool.ts'
import { CHECKED_AT, SOURCE } from '../../usage/pricing/prices.ts'
import { VERSION } from '../../version.ts'
import { type JobRunRow, listJobRuns } from './queries.ts'
import type { System } from './schemas.ts'
import { listSettings } from './settings.ts'

type SystemView = z.output<typeof System>
type JobView = SystemView['jobs'][number]

/** The deployment's configuration and the state of its jobs. If a store does not respond, its part is null. */
export async function readSystem(deps: ManagementDeps): Promise<SystemView> {
  const [schema, spool, runs, backlogs] = await Promise.all([
    tryPart('schema', describeSchema(deps)),
    tryPart('spool', measureSpool(deps)),
    tryPart('job_runs', listJobRuns(deps.db)),
    tryPart('backlogs', countBacklogs(deps, deps.now())),
  ])
  const counts: Readonly<Record<string, number | undefined>> = { ...backlogs, 'drain-usage-spool': spool?.batches }
  return {
    version: VERSION,
    schema,
    price_list: { source: SOURCE, checked_at: CHECKED_AT },
    spool: spool && { batches: spool.batches, aside: spool.aside },
    jobs: JOBS.map((job) => describeJob(job, { runs, count: counts[job.name], now: deps.now() })),
    settings: listSettings(deps.config),
  }
}

/** Null if the store does not respond: people read these figures when something fails. */
export async function tryPart<T>(part: string, read: Promise<T>): Promise<T | null> {
  try {
    return await read
  } catch (error) {
    log('warn', 'system_part_unread', { part, ...errorFields(error) })
    return null
  }
}

async function describeSchema(deps: ManagementDeps) {
  const { found, isCurrent } = await readSchemaVersion(deps)
  return { known: KNOWN_MIGRATIONS.at(-1) ?? '', found, is_current: isCurrent }
}

interface JobReadings {
  /** Null if Postgres does not respond. */
  readonly runs: ReadonlyMap<string, JobRunRow> | null
  readonly count: number | undefined
  readonly now: number
}

function describeJob({ name, cron }: Job, { runs, count, now }: JobReadings): JobView {
  const run = runs?.get(name)
  const state = runs && judgeJob(run, PERIOD_SECONDS[cron] ?? 0, now)
  const { of = name, amount = null, ms } = WORK[name] ?? {}
  const backlog = { of, count: count ?? null }
  const ceiling = { amount, seconds: ms === undefined ? null : ms / 1000 }
  return { name, cron, state, ...(run ? describeRun(run) : NEVER_RUN), backlog, ceiling }
}

const NEVER_RUN = {
  last_run_at: null,
  last_ended_at: null,
  last_success_at: null,
  duration_ms: null,
  result: null,
  error: null,
}

const describeRun = ({ startedAt, endedAt, succeededAt, durationMs, result, error }: JobRunRow) => ({
  last_run_at: startedAt.toISOString(),
  last_ended_at: dateToIso(endedAt),
  last_success_at: dateToIso(succeededAt),
  duration_ms: durationMs,
  result,
  error,
})
