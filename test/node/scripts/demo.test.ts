import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { through } from '../../../local/support/connect.ts'
import { type DevServer, startDevServer } from '../../../local/support/dev-server.ts'

const ANY_URL = 'postgresql://postgres:local@localhost/postgres'
const DAYS_AGO_60 = new Date(Date.now() - 60 * 24 * 3_600_000)

async function start(folder: string): Promise<DevServer> {
  const server = await startDevServer(folder, '--demo')
  onTestFinished(() => server.stop())
  return server
}

/** What a second run would change. */
async function counts({ localUrl }: DevServer) {
  const { sql } = through(ANY_URL, `${localUrl}/sql`)
  const [row] =
    await sql.query(`select (select count(*) from usage_events where user_agent = 'tollgate-demo/1.0') as events,
    (select count(*) from api_keys) as keys, (select count(*) from organizations) as organizations,
    (select count(*) from users) as users, (select count(*) from invitations) as invitations,
    (select count(*) from subscriptions) as subscriptions, (select count(*) from webhook_endpoints) as endpoints,
    (select count(*) from usage_alerts) as alerts`)
  return row
}

async function signIn({ baseUrl }: DevServer, { email, password }: { email: string; password: string }) {
  const response = await fetch(`${baseUrl}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password }),
  })
  const { access_token } = await response.json()
  return async (path: string) => {
    const answer = await fetch(`${baseUrl}/api/v1${path}`, { headers: { Authorization: `Bearer ${access_token}` } })
    return answer.json()
  }
}

test('--demo fills three customers once; the analytics match their events', {
  timeout: 480_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-demo-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const first = await start(folder)
  const { demo = [], user, admin } = first.credentials
  expect(demo.map(({ organization }) => organization)).toEqual([
    'Northwind Labs',
    'Harbor Analytics',
    'Quiet Fox Studio',
  ])
  expect(demo[0]).toMatchObject(user)

  const { sql } = through(ANY_URL, `${first.localUrl}/sql`)
  for (const owner of demo) {
    const get = await signIn(first, owner)
    const span = `from=${encodeURIComponent(DAYS_AGO_60.toISOString().slice(0, 14))}00:00Z`
    const { totals } = await get(`/usage/summary?${span}&to=${new Date().toISOString()}`)
    const [raw] = await sql.query(
      `select sum(requests)::int as requests, sum(api_calls)::int as api_calls, sum(input_tokens + output_tokens)::int as tokens,
         count(*) filter (where status_code >= 400)::int as errors, count(distinct occurred_at::date)::int as days
       from usage_events where organization_id = $1`,
      [owner.organization_id],
    )
    const { days, ...sums } = raw ?? {}
    expect(totals).toMatchObject(sums)
    expect(days).toBeGreaterThan(30)
    const [own] = await sql.query(
      `select coalesce(sum((quantities ->> 'pages')::int), 0)::int as pages from usage_events where organization_id = $1`,
      [owner.organization_id],
    )
    expect(totals.quantities.pages ?? 0).toBe(own?.pages)
    expect(own?.pages > 0).toBe(owner !== demo[2]) // the third has no documents
  }

  const ask = async (place: number, path: string) => (await signIn(first, demo[place] ?? user))(path)
  expect((await ask(0, '/quotas')).meters.tokens.percent).toBeGreaterThan(88)
  expect((await ask(0, '/usage/alerts')).data).not.toEqual([])
  expect((await ask(0, '/quotas')).meters.pages).toMatchObject({ name: 'Pages', limit: 10_000 })
  expect(await ask(0, '/auth/billing/info')).toMatchObject({ status: 'active', plan: { id: 'builder' } })
  expect(await ask(1, '/auth/billing/info')).toMatchObject({ status: 'past_due', plan: { id: 'advanced' } })
  expect((await ask(2, '/auth/api-keys')).data).toHaveLength(1)
  const operator = await signIn(first, admin)
  const { data: idle } = await operator('/admin/organizations?idle_days=21')
  expect(idle).toContainEqual(expect.objectContaining({ id: demo[2]?.organization_id }))
  const monthAgo = new Date(Date.now() - 30 * 24 * 3_600_000).toISOString()
  expect((await operator(`/admin/usage/summary?from=${monthAgo}`)).totals.requests).toBeGreaterThan(1_000)

  const before = await counts(first)
  expect(Number(before?.events)).toBeGreaterThan(5_000)
  await first.stop()
  const second = await start(folder)
  expect(await counts(second)).toEqual(before)
  expect(second.credentials.demo).toEqual(demo)
})
