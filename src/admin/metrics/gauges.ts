import type { Deps } from '../../deps.ts'
import { JOBS, PERIOD_SECONDS } from '../../jobs/registry.ts'
import { WORK } from '../../jobs/work.ts'
import type { Family, Sample } from '../../metrics/render.ts'
import { VERSION } from '../../version.ts'
import type { JobRunRow } from '../system/queries.ts'

/** The readings for one scrape; null if a store did not respond. */
export interface Readings {
  readonly at: number
  readonly isSchemaCurrent: boolean | null
  readonly spool: { readonly batches: number; readonly aside: number; readonly oldestAt?: number | undefined } | null
  readonly queue: { readonly messages: number; readonly oldestAt: number | undefined } | null
  readonly runs: ReadonlyMap<string, JobRunRow> | null
  readonly backlogs: Readonly<Record<string, number>> | null
  /** Seconds by queue. */
  readonly overdue: Readonly<Record<string, number>> | null
}

const gauge = (name: string, help: string, samples: readonly Sample[]): Family => ({
  name: `tollgate_${name}`,
  help,
  type: 'gauge',
  samples,
})

/** The gauges that are measured at scrape time, in addition to the counters of the isolates. */
export function describeGauges(readings: Readings): Family[] {
  const { at, isSchemaCurrent, spool, queue, overdue } = readings
  const age = (oldestAt: number | undefined) => (oldestAt === undefined ? 0 : Math.max(0, at - oldestAt) / 1_000)
  return [
    gauge('build_info', 'The version that answers; always 1.', [{ labels: { version: VERSION }, value: 1 }]),
    gauge('store_up', 'Whether the store answered this scrape.', [
      { labels: { store: 'postgres' }, value: Number(readings.runs !== null) },
      { labels: { store: 'redis' }, value: Number(spool !== null) },
    ]),
    gauge('schema_current', 'Whether the schema is the one that this version was built for.', one(isSchemaCurrent)),
    gauge('usage_spool_batches', 'Batches of usage that wait in Redis for Postgres.', one(spool?.batches)),
    gauge(
      'usage_spool_age_seconds',
      'How long the first batch of the spool has waited.',
      one(spool && age(spool.oldestAt)),
    ),
    gauge('usage_aside_entries', 'What was set aside because it can never be written.', one(spool?.aside)),
    gauge('usage_queue_messages', 'Messages of usage that wait in the queue, approximately.', one(queue?.messages)),
    gauge(
      'usage_queue_age_seconds',
      'How long the first message of the queue of usage has waited.',
      one(queue && age(queue.oldestAt)),
    ),
    gauge(
      'due_age_seconds',
      'How long the oldest due row of a queue has waited; 0 where none is due.',
      Object.entries(overdue ?? {}).map(([queue, value]) => ({ labels: { queue }, value })),
    ),
    ...describeJobs(readings),
  ]
}

const one = (value: number | boolean | null | undefined): Sample[] =>
  value === null || value === undefined ? [] : [{ value: Number(value) }]

interface JobFacts {
  readonly period: number | undefined
  /** Null before the first run. */
  readonly run: JobRunRow | null
  readonly backlog: number | undefined
  readonly work: (typeof WORK)[string] | undefined
}

const toSeconds = (date: Date | null | undefined) => (date ? date.getTime() / 1_000 : 0)

/** By name without its prefix: its meaning and its value; undefined if the job has none. */
const JOB_GAUGES: Readonly<Record<string, readonly [help: string, read: (job: JobFacts) => number | undefined]>> = {
  job_period_seconds: ['How often the job is to run.', ({ period }) => period],
  job_last_start_timestamp_seconds: [
    'When the last run began; 0 if none ever did.',
    ({ run }) => toSeconds(run?.startedAt),
  ],
  job_last_success_timestamp_seconds: [
    'When the last run began that did not fail; 0 if none ever did.',
    ({ run }) => toSeconds(run?.succeededAt),
  ],
  job_last_duration_seconds: ['How long the last run took.', ({ run }) => (run?.durationMs ?? 0) / 1_000],
  job_last_failed: ['Whether the last run failed.', ({ run }) => Number((run?.error ?? null) !== null)],
  job_backlog: [
    'What waits for the job, counted up to 10,000, or to one more than a ceiling up to 25,000.',
    ({ backlog }) => backlog,
  ],
  job_ceiling: ['How much one run does at most, in what the backlog counts.', ({ work }) => work?.amount],
  job_ceiling_seconds: [
    'After this time a run begins nothing new.',
    ({ work }) => (work?.ms === undefined ? undefined : work.ms / 1_000),
  ],
}

function describeJobs({ runs, backlogs, spool }: Readings): Family[] {
  if (!runs) return []
  const counts: Readonly<Record<string, number | undefined>> = { ...backlogs, 'drain-usage-spool': spool?.batches }
  const facts = JOBS.map(({ name, cron }) => ({
    name,
    period: PERIOD_SECONDS[cron],
    run: runs.get(name) ?? null,
    backlog: counts[name],
    work: WORK[name],
  }))
  return Object.entries(JOB_GAUGES).map(([name, [help, read]]) =>
    gauge(
      name,
      help,
      facts.flatMap((job) => {
        const value = read(job)
        return value === undefined ? [] : [{ labels: { task: job.name }, value }]
      }),
    ),
  )
}

const OVERDUE = `select
  (select extract(epoch from $1::timestamptz - min(next_attempt_at)) from mail_outbox
   where next_attempt_at <= $1::timestamptz)::float8 as mail,
  (select extract(epoch from $1::timestamptz - min(next_attempt_at)) from webhook_deliveries
   where next_attempt_at <= $1::timestamptz)::float8 as webhook,
  (select extract(epoch from $1::timestamptz - min(created_at)) from billing_usage_ledger
   where state = 'pending')::float8 as ledger`

/** Reads how long the oldest due email, webhook and ledger row has waited, in seconds. */
export async function readOverdue({ sql }: Pick<Deps, 'sql'>, at: number): Promise<Readonly<Record<string, number>>> {
  const [row = {}] = await sql.query(OVERDUE, [new Date(at).toISOString()])
  return Object.fromEntries(['mail', 'webhook', 'ledger'].map((queue) => [queue, Math.max(0, Number(row[queue] ?? 0))]))
}
