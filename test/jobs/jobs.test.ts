import { afterEach, expect, test, vi } from 'vitest'
import { JOBS } from '../../src/jobs/registry.ts'
import { runJobs } from '../../src/jobs/run.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { writeUsage } from '../../src/usage/write.ts'
import { NOWHERE, newIsolate } from '../support/isolate.ts'

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

test('partitions are made ahead once, and events that came before theirs are moved into it', async () => {
  const later = Date.UTC(2031, 4, 31, 12)
  const id = uuidv7(Date.now())
  const occurred_at = new Date(later).toISOString()
  await writeUsage(isolate.deps(), [{ id: 'early', organization_id: id, occurred_at, api_calls: 1 }])
  expect(await job('make-usage-partitions').run(isolate.deps(), later)).toEqual({ made: 4 })
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

test('ids are forgotten only after every event with them would be too late anyway', async () => {
  const id = uuidv7(Date.now())
  const { sql } = isolate.deps()
  const remember = (key: string, days: number) =>
    sql.query('insert into usage_dedupe values ($1, sha256($2::bytea), sha256($2::bytea), $3)', [
      id,
      key,
      new Date(Date.now() - days * DAY).toISOString(),
    ])
  await remember('young', 35)
  await remember('old', 37)
  await job('prune').run(isolate.deps(), Date.now())
  const [row] = await sql.query('select count(*)::int as ids from usage_dedupe where organization_id = $1', [id])
  expect(row?.ids).toBe(1)
})

test('a job that fails is logged and does not keep the others of its time from running', async () => {
  const failed = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const cut = await newIsolate({ NEON_FETCH_ENDPOINT: NOWHERE })
  await runJobs(cut.deps(), '17 3 * * *', Date.now())
  isolate.deps() // the endpoint is a setting of the whole isolate
  const names = failed.mock.calls.map(([line]) => JSON.parse(String(line)).job)
  expect(names).toEqual(['make-usage-partitions', 'drop-usage-partitions'])
})
