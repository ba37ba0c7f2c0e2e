import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import journal from '../../../migrations/meta/_journal.json'
import { listSettings } from '../../../src/admin/system/settings.ts'
import { readConfig, SETTINGS } from '../../../src/config.ts'
import { JOBS } from '../../../src/jobs/registry.ts'
import { countBacklogs, countsUpTo, MAX_COUNTED, WORK } from '../../../src/jobs/work.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'
import { departures, openApi } from '../../support/openapi.ts'

const { sql } = directly()
const token = await administrator()
const system = async () => (await call('GET /api/v1/admin/system', { token })).body

test('lists every job with its backlog and the maximum work of a run', async () => {
  const { jobs } = await system()
  expect(jobs.map(({ name, cron }: { name: string; cron: string }) => [name, cron])).toEqual(
    JOBS.map(({ name, cron }) => [name, cron]),
  )
  expect(JOBS.map(({ name }) => name).filter((name) => !(name in WORK))).toEqual([])
  const find = (name: string) => jobs.find((one: { name: string }) => one.name === name)
  expect(find('send-metered-usage').ceiling).toEqual({ amount: 2_000, seconds: null })
  expect(find('deliver-mail')).toMatchObject({
    backlog: { of: 'emails that are due', count: expect.any(Number) },
    ceiling: { amount: null, seconds: 50 },
  })
  for (const { name, backlog } of jobs)
    if (WORK[name]?.waiting) expect([name, backlog.count]).toEqual([name, expect.any(Number)])
})

test('a backlog counts what is waiting at the requested time', async () => {
  const due = Date.UTC(1999, 0, 1)
  const organization = uuidv7(Date.now())
  const count = async (at: number) => (await countBacklogs(directly(), at))['erase-from-usage'] ?? 0
  await sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, $2)', [
    organization,
    new Date(due).toISOString(),
  ])
  const [early, onTime] = [await count(due + 3_600_000 - 1), await count(due + 3_600_000)]
  await sql.query('delete from usage_erasures where organization_id = $1', [organization])
  expect([early, onTime]).toEqual([0, 1])
  expect(MAX_COUNTED).toBe(10_000)
  expect(['reconcile-quotas', 'reconcile-billing', 'prune'].map(countsUpTo)).toEqual([20_001, 20_001, 10_000])
})

test('the last run of a job matches its row', async () => {
  const startedAt = new Date(Date.now() + 3_600_000).toISOString() // no concurrent test runs it later
  await sql.query(
    `insert into job_runs (job, started_at, duration_ms, succeeded_at, result) values ('prune', $1, 42, $1, '{"sessions":3}')
     on conflict (job) do update set started_at = excluded.started_at, duration_ms = excluded.duration_ms,
       succeeded_at = excluded.succeeded_at, result = excluded.result, error = null`,
    [startedAt],
  )
  const { jobs } = await system()
  expect(jobs.find(({ name }: { name: string }) => name === 'prune')).toMatchObject({
    state: 'running',
    last_run_at: startedAt,
    last_ended_at: null,
    last_success_at: startedAt,
    duration_ms: 42,
    result: { sessions: 3 },
    error: null,
  })
  await sql.query(`delete from job_runs where job = 'prune'`)
})

test('the schema is the one that the code knows, and the price list and the spool are included', async () => {
  const { schema, price_list, spool } = await system()
  const last = journal.entries.at(-1)?.tag
  expect(schema).toEqual({ known: last, found: last, is_current: true })
  expect(price_list).toEqual({ source: expect.stringContaining('genai-prices'), checked_at: expect.any(String) })
  expect(spool).toEqual({ batches: expect.any(Number), aside: expect.any(Number) })
})

test('settings are listed by name, never by value', async () => {
  const answer = await system()
  expect(answer.settings.map(({ name }: { name: string }) => name)).toEqual(Object.keys(SETTINGS))
  const state = (name: string) => answer.settings.find((one: { name: string }) => one.name === name)?.state
  expect(state('SECRET_KEY')).toBe('set')
  expect(state('LEAK_REPORT_KEYS')).toBe('missing')
  const secrets = Object.entries(env).filter(([, value]) => typeof value === 'string' && value.length > 12)
  expect(secrets.length).toBeGreaterThan(4)
  const text = JSON.stringify(answer)
  expect(secrets.filter(([, value]) => text.includes(String(value))).map(([name]) => name)).toEqual([])
})

test('an unset setting is missing or defaulted, and a refused one says why', () => {
  const { MAIL_PROVIDER: _, MAIL_API_URL: _url, ...given } = { ...env } as Record<string, unknown>
  const settings = listSettings(
    readConfig({ ...given, CORS_ORIGINS: 'https://app.example.com/path', EMAIL_VERIFICATION: 'required' }),
  )
  const find = (name: string) => settings.find((one) => one.name === name)
  expect(find('MAIL_PROVIDER')).toEqual({ name: 'MAIL_PROVIDER', state: 'defaulted', fault: null })
  expect(find('EMAIL_VERIFICATION')).toEqual({ name: 'EMAIL_VERIFICATION', state: 'set', fault: null })
  expect(find('BREACHED_PASSWORDS_URL')?.state).toBe('BREACHED_PASSWORDS_URL' in given ? 'set' : 'missing')
  expect(find('CORS_ORIGINS')).toEqual({
    name: 'CORS_ORIGINS',
    state: 'set',
    fault: expect.stringContaining('scheme and a host'),
  })
})

test('responses match the document', async () => {
  const { document, operations } = await openApi()
  const declared = operations.find(({ line }) => line === 'GET /api/v1/admin/system')
  const schema = declared?.responses['200']?.content?.['application/json']?.schema ?? {}
  expect(departures(await system(), schema, document)).toEqual([])
})
