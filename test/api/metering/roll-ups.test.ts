import { describe, expect, test } from 'vitest'
import { LATENCY_BOUNDS_MS } from '../../../src/db/schema/shapes.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import type { UsageEvent } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { directly } from '../../support/direct.ts'

const deps = directly()
const organization = () => uuidv7(Date.now())

function event(organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return { id: crypto.randomUUID(), organization_id, occurred_at: '2026-11-10T10:20:30.000Z', ...changes }
}

const COUNTS = `sum(requests)::int as requests, sum(errors)::int as errors, sum(api_calls)::int as api_calls, sum(queries)::int as queries,
  sum(input_tokens)::int as input_tokens, sum(output_tokens)::int as output_tokens, sum(cached_tokens)::int as cached_tokens,
  sum(cost_usd)::text as cost_usd, sum(unpriced)::int as unpriced`

/** The dimensions that an event has under another name. */
const FIELDS: Readonly<Record<string, keyof UsageEvent>> = { key: 'key_id', status: 'status_code' }

const rowsOf = (table: string, organizationId: string, columns: string, more = '') =>
  deps.sql.query(`select ${columns} from ${table} where organization_id = $1 ${more}`, [organizationId])

describe('the roll-ups', () => {
  test('by hour, without dimensions and by period hold the same sums', async () => {
    const id = organization()
    const model = { provider: 'openai', model: 'gpt-5' }
    const batch = [
      event(id, { api_calls: 2, endpoint: '/a', status_code: 200, response_time_ms: 12 }),
      event(id, { ...model, input_tokens: 100, output_tokens: 20, cached_tokens: 60, cost_usd: '0.000325' }),
      event(id, { ...model, input_tokens: 5, occurred_at: '2026-11-10T11:00:00.000Z' }),
      event(id, { queries: 3, status_code: 500, occurred_at: '2026-11-11T00:00:00.000Z', key_id: uuidv7(1) }),
      event(id, { requests: 7, error_code: 'RATE_LIMITED', occurred_at: '2026-10-31T23:59:59.999Z' }),
    ]
    await writeUsage(deps, [...batch, ...batch])
    await writeUsage(deps, batch.toReversed())
    const all = {
      requests: 11,
      errors: 8,
      api_calls: 2,
      queries: 3,
      input_tokens: 105,
      output_tokens: 20,
      cached_tokens: 60,
      cost_usd: '0.000325000',
      unpriced: 1,
    }
    for (const table of ['usage_hourly', 'usage_totals', 'usage_periods'])
      expect(await rowsOf(table, id, COUNTS), table).toEqual([all])
    const rows = (table: string, time: string) => rowsOf(table, id, `${time} as at, requests::int`, 'order by 1, 2')
    expect(await rows('usage_totals', `to_char(hour at time zone 'UTC', 'DD HH24:MI')`)).toEqual([
      { at: '10 10:00', requests: 2 },
      { at: '10 11:00', requests: 1 },
      { at: '11 00:00', requests: 1 },
      { at: '31 23:00', requests: 7 },
    ])
  })

  test('count a response time in the first bucket whose bound covers it, and the slowest in an extra one', async () => {
    const id = organization()
    const times = LATENCY_BOUNDS_MS.flatMap((bound) => [bound, bound + 1])
    await writeUsage(deps, [
      ...times.map((response_time_ms) => event(id, { response_time_ms })),
      event(id, { response_time_ms: 0 }),
      event(id),
    ])
    const expected = [...LATENCY_BOUNDS_MS, Number.POSITIVE_INFINITY].map(
      (bound, at, bounds) => [0, ...times].filter((time) => time <= bound && time > (bounds[at - 1] ?? -1)).length,
    )
    // The same one by one: a batch writes only the buckets it contains.
    const one = organization()
    for (const time of [...times, 0]) await writeUsage(deps, [event(one, { response_time_ms: time })])
    await writeUsage(deps, [event(one)])
    for (const [table, of] of [
      ['usage_hourly', id],
      ['usage_totals', id],
      ['usage_totals', one],
    ] as const) {
      const [row] = await rowsOf(table, of, '*')
      expect(
        expected.map((_, bucket) => row?.[`latency_${bucket}`]),
        table,
      ).toEqual(expected)
      expect([Number(row?.response_time_count), Number(row?.response_time_ms_sum)]).toEqual([
        times.length + 1,
        times.reduce((sum, time) => sum + time, 0),
      ])
    }
  })
})

describe('slices', () => {
  const DIMENSIONS = ['endpoint', 'environment', 'key', 'model', 'provider', 'route', 'status']
  const SUMS = [
    'count(*)::int as rows',
    COUNTS,
    'sum(response_time_ms_sum)::int as ms',
    'sum(response_time_count)::int as timed',
  ]
    .concat([...LATENCY_BOUNDS_MS, 0].map((_, bucket) => `sum(latency_${bucket})::int as latency_${bucket}`))
    .join(', ')

  test('of each dimension add up to the totals if every event has a value, by hour and by day', async () => {
    const id = organization()
    const keys = [uuidv7(1), uuidv7(2), uuidv7(3)]
    // 75 events in each of four hours, two before midnight: every value is in every hour.
    const events = Array.from({ length: 300 }, (_, at) =>
      event(id, {
        occurred_at: new Date(Date.parse('2026-11-10T22:00:00Z') + at * 48_000).toISOString(),
        key_id: keys[at % 3] as string,
        environment: at % 2 ? 'live' : 'test',
        endpoint: `/${at % 5}`,
        route: `r${at % 2}`,
        provider: `p${at % 2}`,
        model: `m${at % 3}`,
        status_code: 200 + (at % 7) * 50,
        requests: 1 + (at % 3),
        api_calls: at % 9,
        queries: at % 4,
        input_tokens: at,
        output_tokens: at % 11,
        cached_tokens: at % 10,
        cost_usd: at % 4 ? '0.000123' : null,
        response_time_ms: at * 133,
      }),
    )
    for (let at = 0; at < 300; at += 100) await writeUsage(deps, events.slice(at, at + 100))
    await writeUsage(deps, events)
    const [totals] = await rowsOf('usage_totals', id, SUMS)
    expect(totals).toMatchObject({ rows: 4, timed: 300 })
    for (const [table, times] of [
      ['usage_slices', 4],
      ['usage_daily_slices', 2],
    ] as const)
      for (const dimension of DIMENSIONS) {
        const values = new Set(events.map((one) => one[FIELDS[dimension] ?? (dimension as 'model')])).size
        const rows = await rowsOf(table, id, SUMS, `and dimension = '${dimension}'`)
        expect(rows, `${table} ${dimension}`).toEqual([{ ...totals, rows: values * times }])
      }
  })

  test('exist only for values: an event without one is in the totals and in no slice', async () => {
    const id = organization()
    await writeUsage(deps, [event(id, { endpoint: '/e', status_code: 200 }), event(id, { endpoint: '/e' }), event(id)])
    for (const table of ['usage_slices', 'usage_daily_slices'])
      expect(await rowsOf(table, id, 'dimension, value, requests::int', 'order by 1'), table).toEqual([
        { dimension: 'endpoint', value: '/e', requests: 2 },
        { dimension: 'status', value: '200', requests: 1 },
      ])
    expect(await rowsOf('usage_totals', id, 'requests::int')).toEqual([{ requests: 3 }])
  })
})

describe('the sums of a period', () => {
  test('follow the organization’s anchor, and are returned by each batch that changes them', async () => {
    const id = organization()
    await deps.sql.query(
      `insert into organizations (id, name, slug, plan_id, period_anchor) values ($1::uuid, 'Anchored', $1::text, 'free', $2)`,
      [id, '2026-10-15T12:00:00Z'],
    )
    const starts = async (events: UsageEvent[]) => {
      const { periods } = await writeUsage(deps, events)
      return periods
        .toSorted((a, b) => a.period_start - b.period_start)
        .map(({ organization_id, period_start, api_calls, queries, tokens, cost_usd }) => {
          expect(organization_id).toBe(id)
          return { start: new Date(period_start).toISOString(), api_calls, queries, tokens, cost_usd }
        })
    }
    const inside = event(id, {
      occurred_at: '2026-11-15T11:59:59.999Z',
      api_calls: 1,
      input_tokens: 3,
      cost_usd: '0.1',
    })
    expect(
      await starts([
        inside,
        event(id, { occurred_at: '2026-11-15T12:00:00.000Z', queries: 5, output_tokens: 4 }),
        event(id, { occurred_at: '2026-10-15T11:00:00.000Z', api_calls: 9 }),
      ]),
    ).toEqual([
      { start: '2026-10-01T00:00:00.000Z', api_calls: 9, queries: 0, tokens: 0, cost_usd: '0.000000000' },
      { start: '2026-10-15T12:00:00.000Z', api_calls: 1, queries: 0, tokens: 3, cost_usd: '0.100000000' },
      { start: '2026-11-15T12:00:00.000Z', api_calls: 0, queries: 5, tokens: 4, cost_usd: '0.000000000' },
    ])
    expect(await starts([{ ...inside, id: 'another' }])).toEqual([
      { start: '2026-10-15T12:00:00.000Z', api_calls: 2, queries: 0, tokens: 6, cost_usd: '0.200000000' },
    ])
    expect(await starts([inside])).toEqual([])
  })
})

describe('a gauge', () => {
  test('is its newest reading, whatever the order of arrival', async () => {
    const id = organization()
    const at = (minute: number) => `2026-11-10T10:0${minute}:00.000Z`
    const gauges = () => rowsOf('usage_gauges', id, 'meter, value::float8', 'order by 1')
    await writeUsage(deps, [
      event(id, { occurred_at: at(5), concepts: 50 }),
      event(id, { occurred_at: at(7), concepts: 70, storage_gb: '0.25' }),
      event(id, { occurred_at: at(6), concepts: 60 }),
    ])
    expect(await gauges()).toEqual([
      { meter: 'concepts', value: 70 },
      { meter: 'storage_gb', value: 0.25 },
    ])
    await writeUsage(deps, [
      event(id, { occurred_at: at(6), storage_gb: '9' }),
      event(id, { occurred_at: at(8), concepts: 0 }),
    ])
    expect(await gauges()).toEqual([
      { meter: 'concepts', value: 0 },
      { meter: 'storage_gb', value: 0.25 },
    ])
  })
})

describe('what became of each event', () => {
  test('is returned in the order sent: accepted, duplicate, or conflict under a known id', async () => {
    const id = organization()
    const [one, two, three] = [event(id), event(id), event(id)]
    const changed = (known: UsageEvent): UsageEvent => ({ ...known, api_calls: 99 })
    expect((await writeUsage(deps, [one, changed(one), two, one])).outcomes).toEqual([
      'accepted',
      'conflict',
      'accepted',
      'duplicate',
    ])
    expect((await writeUsage(deps, [changed(two), three, two, changed(two), changed(three)])).outcomes).toEqual([
      'conflict',
      'accepted',
      'duplicate',
      'conflict',
      'conflict',
    ])
    expect(await rowsOf('usage_periods', id, 'requests::int, api_calls::int')).toEqual([{ requests: 3, api_calls: 0 }])
  })

  test('is decided by what the caller sent, if that is known', async () => {
    const id = organization()
    const sent = event(id, { payload_hash: 'ab'.repeat(32) })
    const again = { ...sent, occurred_at: '2026-11-10T10:20:31.000Z' }
    const other = { ...sent, payload_hash: 'cd'.repeat(32) }
    expect((await writeUsage(deps, [sent, again, other])).outcomes).toEqual(['accepted', 'duplicate', 'conflict'])
    expect((await writeUsage(deps, [again, other])).outcomes).toEqual(['duplicate', 'conflict'])
  })

  test('keeps equal ids of different sources apart', async () => {
    const id = organization()
    const sent = event(id)
    const metered = { ...sent, source: 'usage', occurred_at: '2026-11-10T10:20:31.000Z' }
    expect((await writeUsage(deps, [sent, metered])).outcomes).toEqual(['accepted', 'accepted'])
    expect((await writeUsage(deps, [metered, sent])).outcomes).toEqual(['duplicate', 'duplicate'])
  })
})
