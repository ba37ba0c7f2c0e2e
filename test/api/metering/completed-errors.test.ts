/**
 * The error of a report that completes a request is counted once, in the hour and under the endpoint of the request.
 */
import { expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { completeWaiting } from '../../../src/metering/complete-waiting.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { listEvents } from '../../../src/usage/analytics/events.ts'
import { countDeadlocks } from '../../support/deadlocks.ts'
import { directly } from '../../support/direct.ts'

const deps = directly()
const VERIFIED_AT = Date.parse('2026-11-10T10:59:59.900Z')
const REPORTED_AT = Date.parse('2026-11-10T11:00:01.000Z')
const span = { from: Date.parse('2026-11-10'), to: Date.parse('2026-11-11') }

interface Request {
  readonly organization_id: string
  readonly request_id: string
}

const verification = (of: Request, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: of.request_id,
  source: VERIFICATION,
  organization_id: of.organization_id,
  key_id: uuidv7(1),
  occurred_at: new Date(VERIFIED_AT).toISOString(),
  endpoint: '/verified',
  environment: 'live',
  status_code: 200,
  api_calls: 1,
  ...changes,
})

const report = (of: Request, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  source: 'usage',
  organization_id: of.organization_id,
  completes: of.request_id,
  requests: 0,
  occurred_at: new Date(REPORTED_AT).toISOString(),
  endpoint: '/reported',
  status_code: 500,
  input_tokens: 5,
  ...changes,
})

const SUMS = 'sum(requests)::int as requests, sum(errors)::int as errors'
const TABLES = ['usage_hourly', 'usage_totals', 'usage_periods']
const DIMENSIONS = ['endpoint', 'key', 'environment', 'status']

/** The sums of an organization in all tables. */
async function readSums(organizationId: string) {
  const read = (from: string) => deps.sql.query(`select ${SUMS} from ${from}`, [organizationId])
  const tables = TABLES.map((table) => read(`${table} where organization_id = $1`))
  const slices = ['usage_slices', 'usage_daily_slices'].flatMap((table) =>
    DIMENSIONS.map((name) => read(`${table} where organization_id = $1 and dimension = '${name}'`)),
  )
  return (await Promise.all([...tables, ...slices])).map(([row]) => row as { requests: number; errors: number })
}

const readRows = (organizationId: string, table: string, columns: string) =>
  deps.sql.query(
    `select ${columns}, requests::int, errors::int from ${table} where organization_id = $1 and errors <> 0 order by 1`,
    [organizationId],
  )

const newRequest = (organization_id = uuidv7(Date.now())): Request => ({
  organization_id,
  request_id: uuidv7(VERIFIED_AT),
})

test('three reports that a request failed count as one error, in the hour and under the endpoint of the request', async () => {
  const of = newRequest()
  await writeUsage(deps, [verification(of, { subject: 'ann', lane: 0 })])
  await writeUsage(deps, [report(of), report(of)])
  await writeUsage(deps, [report(of, { status_code: 502 })])
  expect(new Set((await readSums(of.organization_id)).map((row) => JSON.stringify(row)))).toEqual(
    new Set([JSON.stringify({ requests: 1, errors: 1 })]),
  )
  const one = { requests: 1, errors: 1 }
  expect(
    await readRows(of.organization_id, 'usage_hourly', `endpoint, to_char(hour at time zone 'UTC', 'HH24') as at`),
  ).toEqual([{ endpoint: '/verified', at: '10', ...one }])
  expect(await readRows(of.organization_id, 'usage_subject_days', 'subject')).toEqual([{ subject: 'ann', ...one }])
})

test.each<[string, Partial<UsageEvent>, Partial<UsageEvent>, number]>([
  ['an error without a status', {}, { status_code: 0, error_code: 'timeout' }, 1],
  ['a success', {}, { status_code: 200 }, 0],
  ['a success of what the gateway took for a failure', { status_code: 502 }, { status_code: 200 }, 0],
  ['nothing of what had failed', { status_code: 502 }, { status_code: 0 }, 1],
  ['a failure of what had failed', { status_code: 502 }, { status_code: 500 }, 1],
])('a report of %s decides', async (_, verified, reported, errors) => {
  const of = newRequest()
  await writeUsage(deps, [report(of, reported)])
  await writeUsage(deps, [verification(of, verified)])
  for (const row of await readSums(of.organization_id)) expect(row.errors).toBe(errors)
})

test('the error of a report that waits since the previous release counts once', async () => {
  const of = newRequest()
  await writeUsage(deps, [verification(of)])
  // the previous release counted the error with the report
  const { completes: _, ...alone } = report(of)
  await writeUsage(deps, [{ ...alone, requests: 1, key_id: uuidv7(1), environment: 'live' }])
  await deps.sql.query(
    `insert into usage_completions (organization_id, request_id, status_code, provider, model, route, tried_at)
     values ($1, $2, 500, '', '', '', '-infinity')`,
    [of.organization_id, of.request_id],
  )
  await completeWaiting(deps)
  for (const row of await readSums(of.organization_id)) expect(row.errors).toBe(1)
})

test('the list of errors contains the request and each report of its failure', async () => {
  const of = newRequest()
  await writeUsage(deps, [
    verification(of),
    report(of),
    report(of, { status_code: 0, error_code: 'timeout', endpoint: '/other' }),
  ])
  const list = async (filter: object) =>
    (await listEvents(deps.sql, of.organization_id, { span, filter: { errorsOnly: true, ...filter }, limit: 10 })).map(
      ({ endpoint }) => endpoint,
    )
  expect((await list({})).toSorted()).toEqual(['/other', '/reported', '/verified'])
  expect(await list({ endpoint: '/other' })).toEqual(['/other'])
  expect(await list({ status: '500', endpoint: '/reported' })).toEqual(['/reported'])
})

test('in random histories no sum has more errors than requests, or a negative number of errors', async () => {
  const organizationId = uuidv7(Date.now())
  const requests = Array.from({ length: 12 }, () => newRequest(organizationId))
  const pick = <T>(values: readonly T[]) => values[Math.floor(Math.random() * values.length)] as T
  const changes = () => ({
    status_code: pick([0, 200, 404, 500, 503]),
    endpoint: pick(['/a', '/b']),
    model: pick(['', 'm']),
    occurred_at: new Date(REPORTED_AT + pick([-3_600_000, 0, 3_600_000])).toISOString(),
    ...(Math.random() < 0.2 && { error_code: 'failed' }),
  })
  const first = new Map<string, UsageEvent>()
  const events = requests.flatMap((of) => {
    const reports = Array.from({ length: pick([0, 1, 2, 3]) }, () => report(of, changes()))
    if (reports[0]) first.set(of.request_id, reports[0])
    return reports.concat(verification(of, { endpoint: pick(['/a', '/b']), subject: pick(['ann', 'bob', null]) }))
  })
  // reports of one request stay in order, because the first one decides
  const order = events.map((event) => ({ event, at: Math.random() + (event.completes ? events.indexOf(event) : 0) }))
  for (const { event } of order.toSorted((a, b) => a.at - b.at)) await writeUsage(deps, [event])
  await completeWaiting(deps)
  const failed = [...first.values()].filter(
    ({ status_code = 0, error_code }) => status_code >= 400 || error_code,
  ).length
  for (const row of await readSums(organizationId)) expect(row).toEqual({ requests: 12, errors: failed })
  for (const table of ['usage_hourly', 'usage_totals', 'usage_slices', 'usage_daily_slices', 'usage_subject_days']) {
    const wrong = await deps.sql.query(
      `select * from ${table} where organization_id = $1 and (errors < 0 or requests < errors)`,
      [organizationId],
    )
    expect(wrong, table).toEqual([])
  }
})

test('failing reports complete requests beside other batches of the organization, without a deadlock', async () => {
  const { organization_id } = newRequest()
  const shared = { organization_id, occurred_at: new Date(REPORTED_AT).toISOString(), subject: 'ann' }
  const before = await countDeadlocks(deps)
  await Promise.all(
    Array.from({ length: 16 }, async (_, writer) => {
      for (let round = 0; round < 8; round++) {
        const some = Array.from({ length: 5 }, () => newRequest(organization_id))
        const uses = some.map((of) => verification(of, { subject: 'ann', endpoint: '/reported', lane: 0 }))
        if (writer % 2) await writeUsage(deps, uses)
        else await writeUsage(deps, [...uses, ...some.map((of) => report(of, shared))])
      }
    }),
  )
  const all = { requests: 640, errors: 320 }
  expect(await readSums(organization_id)).toEqual(
    Array.from({ length: TABLES.length + 2 * DIMENSIONS.length }, () => all),
  )
  expect(await countDeadlocks(deps)).toBe(before)
})
