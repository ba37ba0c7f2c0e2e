import { describe, expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { completeWaiting } from '../../../src/metering/complete-waiting.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { usageBreakdown } from '../../../src/usage/analytics/breakdown.ts'
import { listDailySums } from '../../../src/usage/analytics/daily-sums.ts'
import { listEvents } from '../../../src/usage/analytics/events.ts'
import { usageTimeseries } from '../../../src/usage/analytics/timeseries.ts'
import { directly } from '../../support/direct.ts'

const deps = directly()
const HOUR = 3_600_000
const VERIFIED_AT = Date.parse('2026-11-10T10:59:59.900Z')
const REPORTED_AT = '2026-11-10T11:00:01.000Z'
const span = { from: Date.parse('2026-11-10'), to: Date.parse('2026-11-11') }

const newRequest = () => ({ organization_id: uuidv7(Date.now()), request_id: uuidv7(VERIFIED_AT), key_id: uuidv7(1) })
type Request = ReturnType<typeof newRequest>

/** Endpoint, key and time of a verification cannot be guessed from its report or its request id. */
const verification = (of: Request, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: of.request_id,
  source: VERIFICATION,
  organization_id: of.organization_id,
  key_id: of.key_id,
  occurred_at: new Date(VERIFIED_AT).toISOString(),
  endpoint: '/verified',
  status_code: 200,
  api_calls: 2,
  ...changes,
})

const completion = (of: Request, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  source: 'usage',
  organization_id: of.organization_id,
  completes: of.request_id,
  requests: 0,
  occurred_at: REPORTED_AT,
  endpoint: '/reported',
  status_code: 500,
  provider: 'openai',
  model: 'gpt-4o',
  input_tokens: 5,
  ...changes,
})

const write = (...events: UsageEvent[]) => writeUsage(deps, events)

/** Everything by status, from every reader. */
async function readAll(organizationId: string) {
  const by = await usageBreakdown(deps.sql, { organizationId }, { by: 'status', span, limit: 10, order: 'requests' })
  const hours = [10, 11].map((hour) => ({ name: '', from: span.from + hour * HOUR, to: span.from + (hour + 1) * HOUR }))
  const series = async (status: string) =>
    (await usageTimeseries(deps.sql, { organizationId }, hours, { status })).map(({ requests }) => requests)
  const events = async (filter: object) =>
    (await listEvents(deps.sql, organizationId, { span, filter, limit: 10 })).map(({ requests }) => requests)
  const daily = await listDailySums(deps.sql, organizationId, { span, after: undefined, limit: 10 })
  return {
    statuses: by.data.map(({ value, requests, errors, api_calls }) => [value, requests, errors, api_calls]),
    series: { 200: await series('200'), 500: await series('500') },
    events: { 200: await events({ status: '200' }), 500: await events({ status: '500' }) },
    daily: daily.map((row) => [row.endpoint, row.status_code, row.model, row.requests, row.input_tokens]),
  }
}

/** The request is in the hour and under the endpoint of its verification, the report's sums where the report says. */
const COMPLETED = {
  statuses: [['500', 1, 1, 2]],
  series: { 200: [0, 0], 500: [1, 0] },
  events: { 200: [], 500: [0, 1] },
  daily: [
    ['/reported', 500, 'gpt-4o', 0, 5],
    ['/verified', 500, 'gpt-4o', 1, 0],
  ],
}

describe('a verified request that a report completes', () => {
  test.each<[string, (of: Request) => Promise<unknown>]>([
    ['after it is written', async (of) => [await write(verification(of)), await write(completion(of))]],
    ['before it is written', async (of) => [await write(completion(of)), await write(verification(of))]],
    ['in the same batch', async (of) => write(completion(of), verification(of))],
    ['at the same moment', async (of) => Promise.all([write(completion(of)), write(verification(of))])],
    [
      'again and again',
      async (of) => {
        const [verified, completed] = [verification(of), completion(of)]
        await write(completed, completed)
        await Promise.all([write(verified), write(verified), write(completed), write(completed, verified)])
      },
    ],
  ])('is counted under the status of the report that comes %s, in every sum and list', async (_, happen) => {
    const of = newRequest()
    await happen(of)
    await completeWaiting(deps)
    expect(await readAll(of.organization_id)).toEqual(COMPLETED)
    await Promise.all([completeWaiting(deps), completeWaiting(deps)])
    expect(await readAll(of.organization_id)).toEqual(COMPLETED)
    const left = await deps.sql.query('select 1 from usage_completions where organization_id = $1', [
      of.organization_id,
    ])
    expect(left).toEqual([])
  })

  test('is moved at once, without the job, if no other batch is running', async () => {
    for (const order of [[verification, completion] as const, [completion, verification] as const]) {
      const of = newRequest()
      for (const make of order) await write(make(of))
      expect(await readAll(of.organization_id)).toEqual(COMPLETED)
    }
  })

  test('is moved by the first of several reports, whose sums all count', async () => {
    const of = newRequest()
    await write(verification(of))
    await write(completion(of), completion(of, { status_code: 404 }))
    await write(completion(of, { status_code: 200 }))
    const { statuses, daily } = await readAll(of.organization_id)
    expect(statuses).toEqual([
      ['500', 1, 1, 2],
      ['200', 0, 0, 0],
      ['404', 0, 0, 0],
    ])
    expect(daily.filter(([endpoint]) => endpoint === '/verified')).toEqual([['/verified', 500, 'gpt-4o', 1, 0]])
  })

  test('is moved once, even under the several ids of repeats with one idempotency key', async () => {
    const of = newRequest()
    const repeat = { ...of, request_id: uuidv7(VERIFIED_AT + 1) }
    const once = (request: Request) =>
      verification(request, { id: `once-${of.request_id}`, request_id: request.request_id })
    await write(once(of))
    await write(completion(repeat))
    await write(once(repeat))
    expect(await readAll(of.organization_id)).toEqual(COMPLETED)
    await write(completion(of, { status_code: 404, input_tokens: 0 }))
    expect((await readAll(of.organization_id)).daily).toContainEqual(['/verified', 500, 'gpt-4o', 1, 0])
  })

  test('keeps its status if the report names none', async () => {
    const of = newRequest()
    await write(verification(of), completion(of, { status_code: 0 }))
    expect((await readAll(of.organization_id)).daily).toContainEqual(['/verified', 200, 'gpt-4o', 1, 0])
  })

  test('does not change totals or usage periods', async () => {
    const of = newRequest()
    await write(verification(of), completion(of))
    for (const table of ['usage_totals', 'usage_periods', 'usage_hourly'])
      expect(
        await deps.sql.query(
          `select sum(requests)::int as requests, sum(errors)::int as errors, sum(api_calls)::int as api_calls,
            sum(input_tokens)::int as input_tokens from ${table} where organization_id = $1`,
          [of.organization_id],
        ),
        table,
      ).toEqual([{ requests: 1, errors: 1, api_calls: 2, input_tokens: 5 }])
  })

  test('makes no sum negative, whatever the report names: a refused request, another organization’s, or none', async () => {
    const [refused, foreign, unknown] = [newRequest(), newRequest(), newRequest()]
    await write(
      verification(refused, { status_code: 429, error_code: 'RATE_LIMITED', api_calls: 0 }),
      verification(foreign),
    )
    const reports = [
      refused,
      { ...foreign, organization_id: refused.organization_id },
      { ...unknown, organization_id: refused.organization_id },
    ]
    await write(...reports.map((of) => completion(of)))
    await completeWaiting(deps)
    const rows = await deps.sql.query(
      `select min(requests)::int as least, sum(requests)::int as requests from usage_hourly where organization_id = any($1)`,
      [[refused.organization_id, foreign.organization_id]],
    )
    expect(rows).toEqual([{ least: 0, requests: 2 }])
    expect((await readAll(foreign.organization_id)).statuses).toEqual([['200', 1, 0, 2]])
    expect((await readAll(refused.organization_id)).statuses).toEqual([
      ['429', 1, 1, 0],
      ['500', 0, 0, 0],
    ])
  })
})

describe('the job', () => {
  test('moves events that no batch could move when they were written', async () => {
    const of = newRequest()
    await write(verification(of))
    await deps.sql.query(
      `insert into usage_completions (organization_id, request_id, status_code, provider, model, route, tried_at)
       values ($1, $2, 500, '', 'gpt-4o', '', '-infinity')`,
      [of.organization_id, of.request_id],
    )
    await completeWaiting(deps)
    expect((await readAll(of.organization_id)).daily).toEqual([['/verified', 500, 'gpt-4o', 1, 0]])
  })

  test('starts with those it checked longest ago', async () => {
    const of = newRequest()
    await write(completion(of))
    const tried = async () =>
      (
        await deps.sql.query('select tried_at::text as at from usage_completions where request_id = $1', [
          of.request_id,
        ])
      )[0]?.at
    const before = await tried()
    await completeWaiting(deps)
    expect(await tried()).not.toBe(before)
  })
})
