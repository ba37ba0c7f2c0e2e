import { afterEach, expect, test, vi } from 'vitest'
import { MINUTE_CRONS } from '../../../local/support/minute-crons.ts'
import { JOBS, type Job, PERIOD_SECONDS } from '../../../src/jobs/registry.ts'
import { runJobs } from '../../../src/jobs/run.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { eraseFromUsage } from '../../../src/privacy/erase-usage.ts'
import { failFor } from '../../support/faults.ts'
import { NOWHERE, newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const DAY = 24 * 3_600_000
const isolate = await newIsolate()

function job(name: string) {
  const found = JOBS.find((one) => one.name === name)
  if (!found) throw new Error(`There is no job ${name}.`)
  return found
}

async function partitions(): Promise<string[]> {
  const rows = await isolate
    .deps()
    .sql.query(
      `select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = 'usage_events'::regclass order by 1`,
    )
  return rows.map((row) => row.relname)
}

test('partitions are created ahead once, and events from before move into theirs', async () => {
  const later = Date.UTC(2031, 4, 31, 12)
  const id = uuidv7(Date.now())
  const occurred_at = new Date(later).toISOString()
  await writeUsage(isolate.deps(), [{ id: 'early', organization_id: id, occurred_at, api_calls: 1 }])
  expect(await job('make-usage-partitions').run(isolate.deps(), later)).toEqual({ made: 6 })
  expect(await job('make-usage-partitions').run(isolate.deps(), later)).toEqual({ made: 0 })
  expect(await partitions()).toEqual(
    expect.arrayContaining([
      'usage_events_2031_05',
      'usage_events_2031_06',
      'usage_events_2031_07',
      'usage_events_2031_08',
    ]),
  )
  const [row] = await isolate
    .deps()
    .sql.query('select tableoid::regclass::text as held from usage_events where organization_id = $1', [id])
  expect(row?.held).toBe('usage_events_2031_05')
})

test('whole months beyond the retention are dropped, and the sums stay', async () => {
  const old = Date.UTC(2019, 0, 15)
  const id = uuidv7(Date.now())
  const { sql } = isolate.deps()
  await sql.query(`select ensure_usage_partition('2019-01-01'), ensure_usage_partition('2019-02-01')`)
  await writeUsage(isolate.deps(), [
    { id: 'old', organization_id: id, occurred_at: new Date(old).toISOString(), api_calls: 9 },
  ])
  const { USAGE_RETENTION_DAYS } = isolate.deps().config
  await job('drop-usage-partitions').run(isolate.deps(), Date.UTC(2019, 1, 10) + USAGE_RETENTION_DAYS * DAY)
  const left = await partitions()
  expect(left).not.toContain('usage_events_2019_01')
  expect(left).toContain('usage_events_2019_02')
  expect(left).toContain('usage_events_default')
  const [row] = await sql.query('select api_calls::int from monthly_usage where organization_id = $1', [id])
  expect(row?.api_calls).toBe(9)
})

test('personal data leaves the events of a deleted organization after an hour, completely and in batches', async () => {
  const [gone, other] = [uuidv7(Date.now()), uuidv7(Date.now())]
  const { sql } = isolate.deps()
  const deletedAt = Date.UTC(2001, 0, 1) // so that no other test's run takes it, and no other test's erasure waits before it
  await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, $2)', [
    gone,
    new Date(deletedAt).toISOString(),
  ])
  // More than two batches, many of one moment, in several months, one of them without a partition of its own.
  await sql.query(
    `insert into usage_events (organization_id, id, occurred_at, user_id, ip, user_agent)
     select $1::uuid, n::text, date_trunc('month', now()) - (n % 4) * interval '1 month' + (n % 2) * interval '0.000001 s', $1::uuid, '192.0.2.7', 'x'
     from generate_series(1, 10001) n
     union all select $1::uuid, 'old', '2001-01-01', null, null, 'x'
     union all select $2::uuid, 'mine', now(), $2::uuid, '192.0.2.7', 'x'`,
    [gone, other],
  )
  const left = async (id: string) => {
    const [row] = await sql.query(
      `select count(*) filter (where user_id is not null or ip is not null or user_agent is not null)::int as told,
         count(*)::int as events from usage_events where organization_id = $1`,
      [id],
    )
    return [row?.told, row?.events]
  }
  const isWaiting = async () =>
    (await sql.query('select from usage_erasures where organization_id = $1', [gone])).length > 0
  const erase = (at: number) => job('erase-from-usage').run(isolate.deps(), at)
  await erase(deletedAt + 3_600_000 - 1)
  expect([await left(gone), await isWaiting()]).toEqual([[10_002, 10_002], true])
  await erase(deletedAt + 3_600_000)
  expect([await left(gone), await isWaiting()]).toEqual([[0, 10_002], false])
  expect(await left(other)).toEqual([1, 1])
})

const LONG_AGO = Date.UTC(2000, 0, 1)
let deletions = 0

/** A deleted organization with events. Each one was deleted after the previous one. */
async function deleted(events: number) {
  const id = uuidv7(Date.now())
  const { sql } = isolate.deps()
  await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, $2)', [
    id,
    new Date(LONG_AGO + ++deletions).toISOString(),
  ])
  await sql.query(
    `insert into usage_events (organization_id, id, occurred_at, ip) select $1::uuid, n::text, now(), '192.0.2.7' from generate_series(1, $2::int) n`,
    [id, events],
  )
  return id
}

/** A run whose clock leaves time for this many batches. */
function erase(batches: number) {
  const real = isolate.deps()
  let at = 0
  return eraseFromUsage({ ...real, now: () => at++ * Math.ceil(15_000 / (batches + 1)) }, LONG_AGO + 3_700_000)
}

const withAddress = async (id: string) =>
  (
    await isolate
      .deps()
      .sql.query('select count(*)::int as events from usage_events where organization_id = $1 and ip is not null', [id])
  )[0]?.events

const forget = (...ids: string[]) =>
  isolate.deps().sql.query('delete from usage_erasures where organization_id = any($1)', [ids])

test('a large erasure does not hold up the next one: they take turns, one batch each', async () => {
  const [large, small] = [await deleted(15_001), await deleted(1)]
  expect(await erase(2)).toEqual({ organizations: 1, events: 5_001, left: 1 })
  expect([await withAddress(large), await withAddress(small)]).toEqual([10_001, 0])
  await forget(large)
})

test('each run begins with the erasure that waited longest', async () => {
  const [first, second] = [await deleted(10_001), await deleted(10_001)]
  for (const rows of [
    [5_001, 10_001],
    [5_001, 5_001],
    [1, 5_001],
  ]) {
    await erase(1)
    expect([await withAddress(first), await withAddress(second)]).toEqual(rows)
  }
  await forget(first, second)
})

test('an organization that cannot be erased does not stop others, is logged, and is retried in the next run', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { sql } = isolate.deps()
  const [poison, other] = [uuidv7(Date.now()), uuidv7(Date.now())]
  const deletedAt = Date.UTC(2001, 0, 1)
  for (const [id, at] of [
    [poison, deletedAt],
    [other, deletedAt + 1],
  ] as const)
    await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, $2)', [
      id,
      new Date(at).toISOString(),
    ])
  const waiting = async () =>
    (
      await sql.query('select organization_id from usage_erasures where organization_id = any($1)', [[poison, other]])
    ).map((row) => row.organization_id)
  const run = () => job('erase-from-usage').run(isolate.deps(), deletedAt + 3_600_001)
  await failFor(poison, { door: 'sql', kind: 'status', value: 500, count: 1 })
  await run()
  expect(await waiting()).toEqual([poison])
  expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
    { event: 'usage_not_erased', organization_id: poison },
  ])
  await run()
  expect(await waiting()).toEqual([])
})

test('a table that cannot be pruned does not stop the others, and the job names it', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { sql } = isolate.deps()
  const id = uuidv7(Date.now())
  await sql.query(
    `insert into mail_outbox (id, recipient, subject, created_at) values ($1, 'a@example.com', 'Old', $2)`,
    [id, new Date(Date.now() - 37 * DAY).toISOString()],
  )
  const now = Date.now()
  const before = new Date(now - 1 * DAY).toISOString()
  const statement = ['delete from login_challenges where ctid', before]
  await failFor(statement, { door: 'sql', kind: 'status', value: 500, count: 1 })
  await expect(job('prune').run(isolate.deps(), now)).rejects.toThrow('Not pruned: login_challenges.')
  expect(await sql.query('select from mail_outbox where id = $1', [id])).toEqual([])
  expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toMatchObject([
    { event: 'table_not_pruned', table: 'login_challenges' },
  ])
})

test('a job that fails is logged and does not stop the others of its schedule', async () => {
  const failed = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined) // their runs are not recorded either: see note-run.test.ts
  const cut = await newIsolate({ NEON_FETCH_ENDPOINT: NOWHERE })
  await runJobs(cut.deps(), '17 3 * * *', Date.now())
  await cut.settled()
  isolate.deps() // the endpoint is a setting of the whole isolate
  const names = failed.mock.calls.map(([line]) => JSON.parse(String(line)).job)
  expect(names).toEqual(JOBS.filter(({ cron }) => cron === '17 3 * * *').map(({ name }) => name))
})

test('no job waits for an earlier one that waits for external servers, and the round ends with the last of them', async () => {
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
  const order: string[] = []
  const slow = Promise.withResolvers<void>()
  const isOver = Promise.withResolvers<void>()
  const noted = (name: string, more: Partial<Job> = {}): Job => ({
    name: `of-a-test-${name}`,
    cron: 'of a test',
    run: async () => ({ at: order.push(name) }),
    ...more,
  })
  const jobs = [
    noted('first'),
    noted('slow', {
      runsBeside: true,
      async run() {
        order.push('slow begins')
        await slow.promise
        return { at: order.push('slow ends') }
      },
    }),
    noted('second', { cron: 'another' }),
    noted('third'),
    noted('last', {
      async run() {
        isOver.resolve()
        return { at: order.push('last') }
      },
    }),
  ]
  const round = runJobs(isolate.deps(), 'of a test', Date.now(), jobs).then(() => order.push('round ends'))
  await isOver.promise
  slow.resolve()
  await round
  expect(order).toEqual(['first', 'slow begins', 'third', 'last', 'slow ends', 'round ends'])
})

test('every job that calls receivers or providers runs concurrently with the others', () => {
  const beside = JOBS.filter(({ runsBeside }) => runsBeside).map(({ name }) => name)
  expect(beside).toEqual([
    'deliver-mail',
    'deliver-webhooks',
    'deliver-slow-webhooks',
    'send-metered-usage',
    'reconcile-billing',
    'check-domains',
  ])
})

test('the local cron runner knows every schedule that is due each minute', () => {
  const names = Object.keys(PERIOD_SECONDS).filter((cron) => PERIOD_SECONDS[cron] === 60)
  expect(MINUTE_CRONS).toEqual(names)
})
