import { beforeAll, describe, expect, test } from 'vitest'
import { READ_TIMEOUT_MS } from '../../../../src/db/read-briefly.ts'
import { enforceRateLimits } from '../../../../src/limits/endpoint-limits.ts'
import type { UsageEvent } from '../../../../src/metering/event.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { readTogether } from '../../../../src/usage/analytics/read.ts'
import { directly, withoutRequestId } from '../../../support/direct.ts'
import { call, newKeyHolder, newUser } from '../../../support/http.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const deps = directly()

let holder: Awaited<ReturnType<typeof newKeyHolder>>
let event: (at: string, changes?: Partial<UsageEvent>) => UsageEvent

beforeAll(async () => {
  holder = await newKeyHolder({ name: 'The busy one' })
  event = (at, changes = {}) => ({
    id: crypto.randomUUID(),
    organization_id: holder.organizationId,
    occurred_at: new Date(at).toISOString(),
    ...changes,
  })
})

const read = (path: string, token = holder.token) => call(`GET /api/v1/usage/${path}`, { token })
const requests = (rows: { requests: number }[]) => rows.map((row) => row.requests)

describe('GET /api/v1/usage/summary', () => {
  beforeAll(() =>
    writeUsage(deps, [
      event('2021-03-01T00:00Z', {
        api_calls: 2,
        input_tokens: 10,
        output_tokens: 5,
        response_time_ms: 80,
        cost_usd: '0.100001',
        model: 'm',
      }),
      event('2021-03-02T23:59Z', { status_code: 500, response_time_ms: 90, model: 'unpriced' }),
      event('2021-03-03T00:00Z', { status_code: 404 }),
      event('2021-02-28T00:00Z', { api_calls: 1 }),
    ]),
  )

  test('has the sums, rates and percentiles of a span, and the change from the span before it', async () => {
    const { status, body } = await read('summary?from=2021-03-01&to=2021-03-03T00:00:00Z')
    expect(status).toBe(200)
    expect(body.totals).toMatchObject({
      requests: 2,
      errors: 1,
      error_rate: 0.5,
      api_calls: 2,
      tokens: 15,
      unpriced: 1,
    })
    expect(body.totals).toMatchObject({ cost_usd: '0.100001', avg_response_time_ms: 85, p50_response_time_ms: 87.5 })
    expect([body.from, body.to]).toEqual(['2021-03-01T00:00:00.000Z', '2021-03-03T00:00:00.000Z'])
    expect(body.previous).toMatchObject({ from: '2021-02-27T00:00:00.000Z', to: body.from, totals: { requests: 1 } })
    expect(body.change).toEqual({
      requests: 1,
      errors: null,
      api_calls: 1,
      queries: null,
      tokens: null,
      cost_usd: null,
    })
  })

  test('returns zeros for an empty span, and null for what cannot be computed', async () => {
    const { body } = await read('summary?from=2020-01-01&to=2020-02-01')
    expect(body.totals).toMatchObject({
      requests: 0,
      cost_usd: '0.000000',
      error_rate: null,
      avg_response_time_ms: null,
    })
    expect(body.totals).toMatchObject({
      p50_response_time_ms: null,
      p95_response_time_ms: null,
      p99_response_time_ms: null,
    })
  })

  test('covers whole hours, and the current month by default', async () => {
    const { body } = await read('summary?from=2021-03-02T23:59:59Z&to=2021-03-03T00:00:00.001Z')
    expect([body.from, body.to, body.totals.requests]).toEqual([
      '2021-03-02T23:00:00.000Z',
      '2021-03-03T01:00:00.000Z',
      2,
    ])
    const now = (await read('summary')).body
    expect(now.from).toBe(`${new Date().toISOString().slice(0, 7)}-01T00:00:00.000Z`)
    expect(Date.parse(now.to) - Date.now()).toBeLessThanOrEqual(3_600_000)
  })

  test.each([
    ['from=2021-03-02&to=2021-03-02', 'query.to'],
    ['from=2021-03-02&to=2021-03-01', 'query.to'],
    ['from=2021-01-01&to=2022-02-05T00:00:00.001Z', 'query.from'],
    ['from=1999-12-31', 'query.from'],
    ['to=2100-01-01', 'query.to'],
    ['from=yesterday', 'query.from'],
    ['from=2021-02-30', 'query.from'],
    ["from=2021-01-01'--", 'query.from'],
    ['from=%00', 'query.from'],
  ])('a span of %s is refused with its field', async (query, path) => {
    const { status, body } = await read(`summary?${query}`)
    expect([status, body.errors?.[0].path]).toEqual([400, path])
  })

  test('a span of exactly 400 days is not refused', async () => {
    expect((await read('summary?from=2021-01-01&to=2022-02-05')).status).toBe(200)
  })
})

describe('GET /api/v1/usage/timeseries', () => {
  beforeAll(() =>
    writeUsage(deps, [
      ...['2026-03-28T22:59Z', '2026-03-28T23:00Z', '2026-03-29T21:59Z', '2026-03-29T22:00Z'].map((at) =>
        event(at, { endpoint: '/spring', model: 'm' }),
      ),
      ...['2026-10-24T21:59Z', '2026-10-24T22:00Z', '2026-10-25T22:59Z', '2026-10-25T23:00Z'].map((at) =>
        event(at, { endpoint: '/autumn', key_id: holder.keyId }),
      ),
    ]),
  )

  test('counts each event in its day in the time zone, even if that day has 23 or 25 hours', async () => {
    const spring = await read('timeseries?from=2026-03-28&to=2026-03-31&tz=Europe/Berlin&endpoint=/spring')
    expect(requests(spring.body.data)).toEqual([1, 2, 1])
    expect(spring.body.data[1]).toMatchObject({
      bucket: '2026-03-29',
      from: '2026-03-28T23:00:00.000Z',
      to: '2026-03-29T22:00:00.000Z',
    })
    const autumn = await read('timeseries?from=2026-10-24&to=2026-10-27&tz=Europe/Berlin')
    expect(requests(autumn.body.data)).toEqual([1, 2, 1])
    expect(
      (await read('timeseries?from=2026-10-24&to=2026-10-27')).body.data.map(
        (row: { requests: number }) => row.requests,
      ),
    ).toEqual([2, 2, 0])
  })

  test('computes days correctly where the offset is not a whole hour', async () => {
    const { body } = await read('timeseries?from=2026-03-29&to=2026-03-30&tz=Asia/Kathmandu')
    expect(body.data).toMatchObject([
      { bucket: '2026-03-29', from: '2026-03-28T19:00:00.000Z', to: '2026-03-29T19:00:00.000Z', requests: 2 },
    ])
  })

  test('fills gaps with zeros, and has as many hours as requested', async () => {
    const { body } = await read('timeseries?interval=hour&from=2026-10-25&to=2026-10-26&tz=Europe/Berlin')
    expect(body.data).toHaveLength(25)
    expect(requests(body.data)).toEqual([1, ...Array.from({ length: 23 }, () => 0), 1])
    expect(body.data[1]).toMatchObject({ requests: 0, cost_usd: '0.000000', p95_response_time_ms: null })
    const months = await read('timeseries?interval=month&from=2026-02-01&to=2026-12-01')
    expect(requests(months.body.data)).toEqual([0, 4, 0, 0, 0, 0, 0, 0, 4, 0])
    const usual = await Promise.all(['hour', 'day', 'month'].map((interval) => read(`timeseries?interval=${interval}`)))
    expect(usual.map((answer) => answer.body.data.length)).toEqual([24, 30, 12])
  })

  test('matches everything that a filter names, from whichever roll-up has it', async () => {
    const of = async (filter: string) =>
      requests((await read(`timeseries?from=2026-10-24&to=2026-10-26&tz=Europe/Berlin&${filter}`)).body.data)
    expect(await of(`key_id=${holder.keyId.toUpperCase()}`)).toEqual([1, 2])
    expect(await of('model=m')).toEqual([0, 0])
    expect(await of('model=')).toEqual([1, 2])
    expect(await of(`key_id=${holder.keyId}&endpoint=/autumn`)).toEqual([1, 2])
    expect(await of(`key_id=${holder.keyId}&endpoint=/spring`)).toEqual([0, 0])
    expect(await of('endpoint=/autumn&status=200')).toEqual([0, 0])
  })

  test.each([
    ['interval=hour&from=2026-01-01T00:00:00Z&to=2026-02-01T01:00:00Z', 200],
    ['interval=hour&from=2026-01-01T00:00:00Z&to=2026-02-01T01:00:00.001Z', 400],
    ['interval=day&from=2025-01-01&to=2026-02-05', 200],
    ['interval=day&from=2025-01-01&to=2026-02-05T00:00:00.001Z', 400],
    ['interval=month&from=2020-01-01&to=2025-01-01', 200],
    ['interval=month&from=2020-01-01&to=2025-01-01T00:00:00.001Z', 400],
    ['interval=hour&from=2000-01-01&to=2099-01-01', 400],
    ['interval=hour&from=2026-01-01&to=2026-01-03T01:00:00Z&model=m&endpoint=/x', 200],
    ['interval=hour&from=2026-01-01&to=2026-01-03T01:00:00.001Z&model=m&endpoint=/x', 400],
    ['tz=Mars/Olympus', 400],
    ["tz=UTC'--", 400],
    ['interval=week', 400],
    ['status=200x', 400],
    ['key_id=nonsense', 400],
    ['endpoint=%00', 400],
  ])('%s is answered with %d', async (query, status) => {
    expect((await read(`timeseries?${query}`)).status).toBe(status)
  })
})

test("another organization's usage gets the same response as an unknown one, on every path", async () => {
  const stranger = await newUser()
  const paths = ['summary', 'timeseries', 'breakdown?by=key', 'events', 'export', 'export?what=daily', 'forecast']
  for (const path of paths) {
    const ask = (id: string) => read(`${path}${path.includes('?') ? '&' : '?'}organization_id=${id}`, stranger.token)
    const [foreign, unknown] = [await ask(holder.organizationId), await ask(UNKNOWN)]
    expect(foreign, path).toMatchObject({ status: 404, body: { code: 'organization_not_found' } })
    expect(withoutRequestId(foreign.body)).toEqual(withoutRequestId(unknown.body))
    expect((await call(`GET /api/v1/usage/${path}`)).status).toBe(401)
  }
  const own = await read(
    `breakdown?by=endpoint&from=2026-03-01&to=2026-04-01&organization_id=${stranger.user.organization_id}`,
    stranger.token,
  )
  expect(own.body.data).toEqual([])
})

describe('a question to the database', () => {
  test('shares one timeout with its batch, and Postgres cancels it before the Worker would stop waiting', async () => {
    const { sql, config } = deps
    const [before] = await sql.query(`select current_setting('statement_timeout') as timeout`)
    const setting = `select replace(current_setting('statement_timeout'), 'ms', '')::int as ms`
    const slow = sql.query('select max(sqrt(n)) from generate_series(1, 500000) n')
    const [[first], , [second]] = (await readTogether(sql, [sql.query(setting), slow, sql.query(setting)])) as [
      { ms: number }[],
      unknown[],
      { ms: number }[],
    ]
    expect(first?.ms).toBeLessThanOrEqual(READ_TIMEOUT_MS)
    expect(second?.ms).toBeLessThan(first?.ms ?? 0) // the first query took some of the batch's time
    expect(second?.ms).toBeGreaterThan(0) // 0 is no limit
    expect(READ_TIMEOUT_MS).toBeLessThan(config.DATABASE_TIMEOUT_MS)
    const [after] = await sql.query(`select current_setting('statement_timeout') as timeout`)
    expect(after?.timeout).toBe(before?.timeout) // the next user of a pooled connection has the default timeout
  })
})

describe('GET /api/v1/usage/…', () => {
  test('answers 300 requests a minute of one organization, without affecting others', async () => {
    const [busy, other] = [await newUser(), await newUser()]
    const ask = ({ token }: { token: string }, of = 'summary') => call(`GET /api/v1/usage/${of}`, { token })
    expect((await ask(busy, 'forecast')).status).toBe(200)
    const subject = { account: busy.user.organization_id as string }
    await Promise.all(Array.from({ length: 299 }, () => enforceRateLimits(deps, { usage_analytics: subject })))
    const refused = await ask(busy)
    expect([refused.status, refused.body.code]).toEqual([429, 'rate_limited'])
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect((await ask(other)).status).toBe(200)
  })
})
