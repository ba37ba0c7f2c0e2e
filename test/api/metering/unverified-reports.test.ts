/** Reports that name a request without a verification. */
import { expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { completeWaiting } from '../../../src/metering/complete-waiting.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { directly } from '../../support/direct.ts'

const deps = directly()
const newOrganization = () => uuidv7(Date.now())

const report = (organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  source: 'usage',
  organization_id,
  completes: crypto.randomUUID(),
  requests: 0,
  occurred_at: '2026-11-10T11:00:01.000Z',
  endpoint: '/reported',
  status_code: 500,
  subject: 'ann',
  input_tokens: 5,
  ...changes,
})

/** Makes the reports of an organization this old, and due. */
const age = (organizationId: string, interval: string) =>
  deps.sql.query(
    `update usage_completions set created_at = now() - $2::interval, tried_at = '-infinity' where organization_id = $1`,
    [organizationId, interval],
  )

const waiting = async (organizationId: string) =>
  (await deps.sql.query('select 1 from usage_completions where organization_id = $1', [organizationId])).length

const TABLES = ['usage_events', 'usage_hourly', 'usage_totals', 'usage_periods', 'usage_subject_days']

async function readRequests(organizationId: string) {
  const sums = TABLES.map((table) =>
    deps.sql.query(`select sum(requests)::int as requests from ${table} where organization_id = $1`, [organizationId]),
  )
  const slices = ['usage_slices', 'usage_daily_slices'].map((table) =>
    deps.sql.query(
      `select sum(requests)::int as requests from ${table} where organization_id = $1 and dimension = 'endpoint'`,
      [organizationId],
    ),
  )
  return new Set((await Promise.all([...sums, ...slices])).map(([row]) => row?.requests))
}

const readErrors = (organizationId: string) =>
  deps.sql.query(
    'select endpoint, requests::int, errors::int, input_tokens::int from usage_hourly where organization_id = $1 and requests <> 0 order by endpoint, errors',
    [organizationId],
  )

test('unverified reports count as requests after a day, each once, with their errors', async () => {
  const id = newOrganization()
  await writeUsage(deps, [report(id), report(id), report(id, { status_code: 200 })])
  await age(id, '23 hours')
  await completeWaiting(deps)
  expect([await waiting(id), await readRequests(id)]).toEqual([3, new Set([0])])

  await age(id, '25 hours')
  await Promise.all([completeWaiting(deps), completeWaiting(deps)])
  await completeWaiting(deps)
  expect([await waiting(id), await readRequests(id)]).toEqual([0, new Set([3])])
  expect(await readErrors(id)).toEqual([
    { endpoint: '/reported', requests: 1, errors: 0, input_tokens: 5 },
    { endpoint: '/reported', requests: 2, errors: 2, input_tokens: 10 },
  ])
})

test('several unverified reports of one request count once, and a verification that arrives later is not changed', async () => {
  const id = newOrganization()
  const completes = uuidv7(Date.parse('2026-11-10T11:00:00.000Z'))
  await writeUsage(deps, [report(id, { completes })])
  await age(id, '25 hours')
  await completeWaiting(deps)
  await writeUsage(deps, [report(id, { completes })])
  await age(id, '25 hours')
  await completeWaiting(deps)
  expect([await waiting(id), await readRequests(id)]).toEqual([0, new Set([1])])

  const verified = { id: completes, source: VERIFICATION, organization_id: id, endpoint: '/verified', status_code: 200 }
  await writeUsage(deps, [{ ...verified, occurred_at: '2026-11-10T11:00:00.000Z', api_calls: 1 }])
  await completeWaiting(deps)
  expect((await readErrors(id)).map(({ endpoint, errors }) => [endpoint, errors])).toEqual([
    ['/reported', 1],
    ['/verified', 0],
  ])
})

test('unverified reports are retried with backoff, and those of one organization do not hold up the others', async () => {
  const [id, other] = [newOrganization(), newOrganization()]
  await writeUsage(
    deps,
    Array.from({ length: 1_100 }, () => report(id)),
  )
  await writeUsage(deps, [report(other)])
  await age(id, '2 hours')
  await deps.sql.query(`update usage_completions set tried_at = now() where organization_id = $1`, [other])
  const dueAfter = (organizationId: string, interval: string) =>
    deps.sql.query(
      `select count(*)::int as count from usage_completions where organization_id = $1 and tried_at > now() + $2::interval`,
      [organizationId, interval],
    )
  const before = await deps.sql.query('select tried_at::text as at from usage_completions where organization_id = $1', [
    other,
  ])
  await completeWaiting(deps)
  expect((await dueAfter(id, '55 minutes'))[0]?.count).toBeGreaterThanOrEqual(100)
  expect(
    await deps.sql.query('select tried_at::text as at from usage_completions where organization_id = $1', [other]),
  ).not.toEqual(before)
  await deps.sql.query('delete from usage_completions where organization_id = any($1)', [[id, other]])
})
