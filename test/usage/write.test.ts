import { describe, expect, test } from 'vitest'
import { uuidv7 } from '../../src/lib/uuid.ts'
import type { UsageEvent } from '../../src/usage/event.ts'
import { writeUsage } from '../../src/usage/write.ts'
import { newIsolate } from '../support/isolate.ts'

const isolate = await newIsolate()

const organization = () => uuidv7(Date.now())

function event(organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return { id: crypto.randomUUID(), organization_id, occurred_at: new Date().toISOString(), api_calls: 1, ...changes }
}

async function sums(organizationId: string) {
  const { sql } = isolate.deps()
  const [row] = await sql.query(
    `select (select count(*) from usage_events where organization_id = $1)::int as events,
      (select count(*) from usage_dedupe where organization_id = $1)::int as ids,
      coalesce(sum(requests), 0)::int as requests, coalesce(sum(errors), 0)::int as errors, coalesce(sum(api_calls), 0)::int as api_calls,
      coalesce(sum(cost_usd), 0)::text as cost_usd, coalesce(sum(unpriced), 0)::int as unpriced
      from usage_hourly where organization_id = $1`,
    [organizationId],
  )
  return row
}

describe('a batch', () => {
  test('counts a repeated event once, inside the batch and across batches', async () => {
    const id = organization()
    const [first, second, third] = [
      event(id, { api_calls: 17 }),
      event(id, { api_calls: 17 }),
      event(id, { api_calls: 17 }),
    ]
    expect(await writeUsage(isolate.deps(), [first, second, second])).toEqual({ sent: 3, accepted: 2 })
    expect(await writeUsage(isolate.deps(), [second, third, first])).toEqual({ sent: 3, accepted: 1 })
    expect(await sums(id)).toMatchObject({ events: 3, ids: 3, requests: 3, api_calls: 51 })
  })

  test('keeps organizations apart, also when they chose the same event id', async () => {
    const [one, other] = [organization(), organization()]
    const id = 'the-same-id'
    expect(await writeUsage(isolate.deps(), [event(one, { id }), event(other, { id })])).toEqual({
      sent: 2,
      accepted: 2,
    })
    expect(await sums(one)).toMatchObject({ events: 1, api_calls: 1 })
    expect(await sums(other)).toMatchObject({ events: 1, api_calls: 1 })
  })

  test('adds money exactly, and says how much had no price', async () => {
    const id = organization()
    const costs = Array.from({ length: 10 }, () => event(id, { model: 'm', cost_usd: '0.100001' }))
    await writeUsage(isolate.deps(), [
      ...costs,
      event(id, { model: 'unknown' }),
      event(id, { model: 'm', cost_usd: '0.000001' }),
    ])
    expect(await sums(id)).toMatchObject({ cost_usd: '1.000011', unpriced: 1 })
  })

  test('of no events writes nothing', async () => {
    expect(await writeUsage(isolate.deps(), [])).toEqual({ sent: 0, accepted: 0 })
  })

  test('counts events of different months each in their own', async () => {
    const id = organization()
    const lastMonth = new Date(Date.now() - 32 * 24 * 3_600_000).toISOString()
    await writeUsage(isolate.deps(), [event(id), event(id, { occurred_at: lastMonth, api_calls: 5 })])
    const rows = await isolate
      .deps()
      .sql.query('select api_calls::int from monthly_usage where organization_id = $1 order by month', [id])
    expect(rows.map((row) => row.api_calls)).toEqual([5, 1])
  })
})

describe('16 writers that send overlapping batches to one organization', () => {
  test('finish without a deadlock and leave every event counted exactly once', async () => {
    const id = organization()
    const events = Array.from({ length: 400 }, (_, at) =>
      event(id, {
        id: `event-${at}`,
        api_calls: at,
        endpoint: `/e${at % 7}`,
        key_id: uuidv7(at % 5),
        status_code: at % 2 ? 200 : 500,
      }),
    )
    const writers = Array.from({ length: 16 }, async () => {
      for (let round = 0; round < 4; round++) await writeUsage(isolate.deps(), shuffled(events).slice(0, 150))
    })
    await Promise.all(writers)
    await writeUsage(isolate.deps(), shuffled(events))
    expect(await sums(id)).toMatchObject({
      events: 400,
      ids: 400,
      requests: 400,
      errors: 200,
      api_calls: (399 * 400) / 2,
    })
    const keys = await isolate
      .deps()
      .sql.query('select sum(total_requests)::int as total from api_key_usage where organization_id = $1', [id])
    expect(keys[0]?.total).toBe(400)
  })
})

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}
