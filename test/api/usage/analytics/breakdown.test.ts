import { beforeAll, describe, expect, test } from 'vitest'
import type { UsageEvent } from '../../../../src/metering/event.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { call, newKeyHolder } from '../../../support/http.ts'

const UNKNOWN = '01900000-0000-7000-8000-000000000000'
const deps = directly()
const holder = await newKeyHolder({ name: 'The busy one' })

const event = (at: string, changes: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  organization_id: holder.organizationId,
  occurred_at: new Date(at).toISOString(),
  ...changes,
})

const read = (path: string) => call(`GET /api/v1/usage/${path}`, { token: holder.token })

describe('GET /api/v1/usage/breakdown', () => {
  beforeAll(() =>
    writeUsage(deps, [
      // Edges of hours on both sides of a whole day, and one event on either side of the span.
      event('2022-05-01T20:59Z', { endpoint: '/outside' }),
      event('2022-05-01T21:00Z', { endpoint: '/a', key_id: holder.keyId, status_code: 200, response_time_ms: 10 }),
      event('2022-05-02T12:00Z', { endpoint: '/a', key_id: holder.keyId, status_code: 500, response_time_ms: 10 }),
      event('2022-05-02T13:00Z', { endpoint: '/b', model: 'm', cost_usd: '2.500000', status_code: 200 }),
      event('2022-05-02T14:00Z'),
      event('2022-05-03T02:59Z', { endpoint: '/a', key_id: UNKNOWN }),
      event('2022-05-03T03:00Z', { endpoint: '/outside' }),
    ]),
  )
  const breakdown = (query: string) => read(`breakdown?from=2022-05-01T21:00:00Z&to=2022-05-03T03:00:00Z&${query}`)
  const pairs = (body: { data: { value: string | null; requests: number }[] }) =>
    body.data.map(({ value, requests }) => [value, requests])

  test('sums whole days and the hours at the edges, the largest first; an event without a value is under null', async () => {
    const { status, body } = await breakdown('by=endpoint')
    expect(status).toBe(200)
    expect(pairs(body)).toEqual([
      ['/a', 3],
      [null, 1],
      ['/b', 1],
    ])
    expect(body.data[0]).toMatchObject({ share: 0.6, errors: 1, error_rate: 0.333333, p50_response_time_ms: 7.5 })
    expect(body.other).toBeNull()
  })

  test('for one key has only its own usage, for at most 31 days', async () => {
    expect(pairs((await breakdown(`by=endpoint&key_id=${holder.keyId}`)).body)).toEqual([['/a', 2]])
    expect(pairs((await breakdown(`by=status&key_id=${holder.keyId}`)).body)).toEqual([
      ['200', 1],
      ['500', 1],
    ])
    expect(pairs((await breakdown(`by=endpoint&key_id=${UNKNOWN.replace('0', 'f')}`)).body)).toEqual([])
    const { status, body } = await read(`breakdown?by=model&key_id=${holder.keyId}&from=2022-05-01&to=2022-06-02`)
    expect([status, body.errors[0].path]).toEqual([400, 'query.from'])
  })

  test('names keys, and has null for usage without one', async () => {
    const { body } = await breakdown('by=key')
    expect(body.data.map((row: Record<string, unknown>) => [row.value, row.name, row.requests])).toEqual([
      [null, null, 2],
      [holder.keyId, 'The busy one', 2],
      [UNKNOWN, null, 1],
    ])
  })

  test.each([
    [
      'model',
      [
        [null, 4],
        ['m', 1],
      ],
    ],
    [
      'status',
      [
        [null, 2],
        ['200', 2],
        ['500', 1],
      ],
    ],
    ['provider', [[null, 5]]],
    ['route', [[null, 5]]],
    ['environment', [[null, 5]]],
  ])('by %s', async (by, expected) => {
    expect(pairs((await breakdown(`by=${by}`)).body)).toEqual(expected)
  })

  test('adds up to the total, with the rest as one', async () => {
    const { body } = await breakdown('by=endpoint&limit=1')
    expect(pairs(body)).toEqual([['/a', 3]])
    expect(body.other).toMatchObject({ groups: 2, share: 0.4, requests: 2, cost_usd: '2.500000' })
  })

  test('is sorted as requested, and shares refer to the same figure', async () => {
    const { body } = await breakdown('by=model&order=cost_usd')
    expect(body.data).toMatchObject([
      { value: 'm', share: 1 },
      { value: null, share: 0 },
    ])
    expect((await breakdown('by=route&order=tokens')).body.data).toMatchObject([{ share: null }])
  })

  test.each(['2022-05-02T12:00:00Z', '2022-05-01T22:00:00Z'])(
    'also works for a span inside a day or across one midnight, from %s',
    async (from) => {
      const { body } = await read(`breakdown?by=endpoint&from=${from}&to=2022-05-02T13:00:00Z`)
      expect(pairs(body)).toEqual([['/a', 1]])
    },
  )

  test.each(['by=user', '', 'by=key&limit=0', 'by=key&limit=101', 'by=key&order=name'])(
    'refuses "%s"',
    async (query) => {
      expect((await read(`breakdown?${query}`)).status).toBe(400)
    },
  )
})

describe('GET /api/v1/auth/usage/stats', () => {
  test('returns the same as the breakdowns, from the same roll-ups', async () => {
    const { body } = await call('GET /api/v1/auth/usage/stats?period=2022-05', { token: holder.token })
    expect(body.totals).toMatchObject({ requests: 7, cost_usd: '2.500000', errors: 1, avg_response_time_ms: 10 })
    expect(body.by_endpoint.map((row: Record<string, unknown>) => [row.endpoint, row.requests])).toEqual([
      ['/a', 3],
      ['/outside', 2],
      ['', 1],
      ['/b', 1],
    ])
    expect(body.by_key.map((row: Record<string, unknown>) => [row.key_id, row.requests])).toEqual([
      [null, 4],
      [holder.keyId, 2],
      [UNKNOWN, 1],
    ])
    expect(body.by_model).toMatchObject([{ model: 'm', requests: 1 }])
    expect(body.by_day.map((row: Record<string, unknown>) => [row.day, row.requests])).toEqual([
      ['2022-05-01', 2],
      ['2022-05-02', 3],
      ['2022-05-03', 2],
    ])
  })
})
