import { afterEach, expect, test, vi } from 'vitest'
import { readSystem } from '../../../src/admin/system/read-system.ts'
import { noteRun, noteStart } from '../../../src/jobs/note-run.ts'
import { JOBS } from '../../../src/jobs/registry.ts'
import { runJobs } from '../../../src/jobs/run.ts'
import { NOWHERE, newIsolate } from '../../support/isolate.ts'
import { managementDeps } from '../../support/management.ts'

afterEach(() => vi.restoreAllMocks())

const DAILY = '17 3 * * *'
/** So early that the daily jobs drop nothing that another test created. */
const EARLY = Date.UTC(2015, 0, 15)
const isolate = await newIsolate()
const START = Date.UTC(2026, 0, 1)

async function rowOf(job: string) {
  const [row] = await isolate.deps().sql.query('select * from job_runs where job = $1', [job])
  return row
}

/** Records runs of a job that no other test has, one after the other. */
async function noted(...runs: { startedAt: number; error?: string }[]) {
  const job = `of-a-test-${crypto.randomUUID()}`
  for (const { startedAt, error } of runs) {
    noteRun(isolate.deps(), {
      job,
      startedAt,
      durationMs: 7,
      ...(error === undefined ? { result: { sent: 1 } } : { error }),
    })
    await isolate.settled()
  }
  return rowOf(job)
}

test('a run records its start, duration and result in one row per job', async () => {
  expect(await noted({ startedAt: START }, { startedAt: START + 60_000 })).toMatchObject({
    started_at: new Date(START + 60_000),
    succeeded_at: new Date(START + 60_000),
    duration_ms: 7,
    result: { sent: 1 },
    error: null,
  })
})

test('a started run is shown before it ends, with the result of the last one, and one that died stays so', async () => {
  const job = `of-a-test-${crypto.randomUUID()}`
  const begin = async (startedAt: number) => {
    noteStart(isolate.deps(), { job, startedAt })
    await isolate.settled()
  }
  await begin(START)
  expect(await rowOf(job)).toMatchObject({ started_at: new Date(START), ended_at: null, succeeded_at: null })
  noteRun(isolate.deps(), { job, startedAt: START, durationMs: 7, result: { sent: 1 } })
  await isolate.settled()
  expect(await rowOf(job)).toMatchObject({ ended_at: new Date(START + 7), succeeded_at: new Date(START) })
  await begin(START) // its record came late
  expect(await rowOf(job)).toMatchObject({ ended_at: new Date(START + 7) })
  await begin(START + 60_000)
  expect(await rowOf(job)).toMatchObject({
    started_at: new Date(START + 60_000),
    ended_at: null,
    succeeded_at: new Date(START),
    result: { sent: 1 },
  })
})

test('a failed run says why, and keeps the time of the last success', async () => {
  expect(await noted({ startedAt: START }, { startedAt: START + 60_000, error: 'No answer.' })).toMatchObject({
    started_at: new Date(START + 60_000),
    succeeded_at: new Date(START),
    result: null,
    error: 'No answer.',
  })
  expect(await noted({ startedAt: START, error: 'No answer.' })).toMatchObject({ succeeded_at: null })
})

test('of two concurrent runs the one that began last is shown, whichever ends last', async () => {
  expect(await noted({ startedAt: START + 1 }, { startedAt: START, error: 'Late.' })).toMatchObject({
    started_at: new Date(START + 1),
    error: null,
  })
})

test('every job of a cron is recorded once it has run, next to the others', async () => {
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
  const before = Date.now()
  await runJobs(isolate.deps(), DAILY, EARLY)
  await isolate.settled()
  for (const job of ['make-usage-partitions', 'drop-usage-partitions'])
    expect((await rowOf(job))?.started_at.getTime()).toBeGreaterThanOrEqual(before)
})

test('while Postgres is down, jobs finish without the record, and the system page shows what it can', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const cut = await newIsolate({ NEON_FETCH_ENDPOINT: NOWHERE })
  await runJobs(cut.deps(), DAILY, EARLY)
  await cut.settled()
  const events = () => warned.mock.calls.map(([line]) => JSON.parse(String(line)))
  expect(events().filter(({ event }) => event === 'job_run_not_noted')).toHaveLength(
    2 * JOBS.filter(({ cron }) => cron === DAILY).length,
  ) // beginning and end of each
  const { schema, jobs, spool, settings } = await readSystem(managementDeps(cut.deps()))
  isolate.deps() // the endpoint is a setting of the whole isolate
  const waiting = jobs.find(({ name }) => name === 'complete-requests')
  expect([schema, spool?.batches, waiting?.last_run_at, waiting?.backlog.count]).toEqual([
    null,
    expect.any(Number),
    null,
    null,
  ])
  expect(settings.length).toBeGreaterThan(20)
})

test('while Redis is down the spool is unknown, and all else is known', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const cut = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
  const { schema, spool, jobs } = await readSystem(managementDeps(cut.deps()))
  const backlogOf = (name: string) => jobs.find((job) => job.name === name)?.backlog.count
  expect([schema?.is_current, spool, backlogOf('drain-usage-spool')]).toEqual([true, null, null])
  expect(backlogOf('deliver-mail')).toEqual(expect.any(Number))
})
