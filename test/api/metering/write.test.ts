import { describe, expect, test } from 'vitest'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { type UsageEvent, VERIFICATION } from '../../../src/metering/event.ts'
import { writeUsage } from '../../../src/metering/write.ts'
import { countDeadlocks } from '../../support/deadlocks.ts'
import { directly } from '../../support/direct.ts'

const deps = directly()

const organization = () => uuidv7(Date.now())

function event(organization_id: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return { id: crypto.randomUUID(), organization_id, occurred_at: new Date().toISOString(), api_calls: 1, ...changes }
}

async function sums(organizationId: string) {
  const [row] = await deps.sql.query(
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
  test('counts a repeated event once, within the batch and across batches', async () => {
    const id = organization()
    const [first, second, third] = [
      event(id, { api_calls: 17 }),
      event(id, { api_calls: 17 }),
      event(id, { api_calls: 17 }),
    ]
    expect(await writeUsage(deps, [first, second, second])).toMatchObject({ sent: 3, accepted: 2 })
    expect(await writeUsage(deps, [second, third, first])).toMatchObject({ sent: 3, accepted: 1 })
    expect(await sums(id)).toMatchObject({ events: 3, ids: 3, requests: 3, api_calls: 51 })
  })

  test('keeps organizations apart, even with the same event id', async () => {
    const [one, other] = [organization(), organization()]
    const id = 'the-same-id'
    expect(await writeUsage(deps, [event(one, { id }), event(other, { id })])).toMatchObject({
      sent: 2,
      accepted: 2,
    })
    expect(await sums(one)).toMatchObject({ events: 1, api_calls: 1 })
    expect(await sums(other)).toMatchObject({ events: 1, api_calls: 1 })
  })

  test('adds money exactly, and counts what had no price', async () => {
    const id = organization()
    const costs = Array.from({ length: 10 }, () => event(id, { model: 'm', cost_usd: '0.100001' }))
    await writeUsage(deps, [...costs, event(id, { model: 'unknown' }), event(id, { model: 'm', cost_usd: '0.000001' })])
    expect(await sums(id)).toMatchObject({ cost_usd: '1.000011000', unpriced: 1 })
  })

  test('of no events writes nothing', async () => {
    expect(await writeUsage(deps, [])).toMatchObject({ sent: 0, accepted: 0, outcomes: [], periods: [] })
  })

  test('counts events of different months each in their own', async () => {
    const id = organization()
    const lastMonth = new Date(Date.now() - 32 * 24 * 3_600_000).toISOString()
    await writeUsage(deps, [event(id), event(id, { occurred_at: lastMonth, api_calls: 5 })])
    const rows = await deps.sql.query(
      'select api_calls::int from monthly_usage where organization_id = $1 order by month',
      [id],
    )
    expect(rows.map((row) => row.api_calls)).toEqual([5, 1])
  })
})

describe('a verification', () => {
  const verification = (organization_id: string, changes: Partial<UsageEvent> = {}) =>
    event(organization_id, { id: uuidv7(Date.now()), source: VERIFICATION, lane: 0, ...changes })

  test('counts once however often it is written, in whichever batches, and without a row for its id', async () => {
    const id = organization()
    const events = Array.from({ length: 6 }, () => verification(id))
    const [first, second] = events as [UsageEvent, UsageEvent]
    expect(await writeUsage(deps, [first, second, second])).toMatchObject({
      accepted: 2,
      outcomes: ['accepted', 'accepted', 'duplicate'],
    })
    expect(await writeUsage(deps, events)).toMatchObject({
      accepted: 4,
      outcomes: ['duplicate', 'duplicate', 'accepted', 'accepted', 'accepted', 'accepted'],
    })
    for (const half of [events.slice(0, 3), events.slice(3)])
      expect(await writeUsage(deps, half)).toMatchObject({ accepted: 0, isCharged: false })
    expect(await sums(id)).toMatchObject({ events: 6, ids: 0, requests: 6, api_calls: 6 })
  })

  test('counts once with an idempotency key, even at another time', async () => {
    const id = organization()
    const once = (minute: number) =>
      verification(id, { id: 'once', request_id: uuidv7(minute), occurred_at: `2026-11-10T10:2${minute}:00.000Z` })
    expect(await writeUsage(deps, [once(1)])).toMatchObject({ accepted: 1 })
    expect(await writeUsage(deps, [once(2), verification(id)])).toMatchObject({ accepted: 1 })
    expect(await sums(id)).toMatchObject({ events: 2, ids: 1, requests: 2 })
  })

  test('and a report under its id both count, in one batch and in two', async () => {
    const id = organization()
    const verified = [verification(id), verification(id)] as const
    const report = (one: UsageEvent) => ({
      ...one,
      source: 'usage',
      occurred_at: one.occurred_at.replace('Z', '001Z'),
    })
    const [first, second] = [report(verified[0]), report(verified[1])]
    expect(await writeUsage(deps, [verified[0], first])).toMatchObject({ accepted: 2 })
    expect(await writeUsage(deps, [first, verified[0], verified[1], second])).toMatchObject({
      accepted: 2,
      outcomes: ['duplicate', 'duplicate', 'accepted', 'accepted'],
    })
    expect(await sums(id)).toMatchObject({ events: 4, ids: 2, requests: 4 })
  })

  test('counts once among 16 concurrent writers and reports, without a deadlock', async () => {
    const id = organization()
    const events = Array.from({ length: 60 }, (_, at) => (at % 3 ? verification(id) : event(id)))
    const before = await countDeadlocks(deps)
    const written = await Promise.all(
      Array.from({ length: 16 }, (_, at) => writeUsage(deps, shuffled(events).slice(0, 30 + at))),
    )
    const last = await writeUsage(deps, events)
    expect(written.reduce((sum, { accepted }) => sum + accepted, last.accepted)).toBe(60)
    expect(await sums(id)).toMatchObject({ events: 60, ids: 20, requests: 60, api_calls: 60 })
    expect(await countDeadlocks(deps)).toBe(before)
  })
})

describe('16 concurrent writers with overlapping batches for two organizations', () => {
  test('finish without a deadlock and leave every event counted exactly once', async () => {
    const ids = [organization(), organization()]
    const events = ids.flatMap((id) =>
      Array.from({ length: 200 }, (_, at) =>
        event(id, {
          id: `event-${at}`,
          api_calls: at,
          endpoint: `/e${at % 7}`,
          key_id: `${id.slice(0, -1)}${at % 5}`,
          status_code: at % 2 ? 200 : 500,
          concepts: at,
          // Batches then differ in the buckets they write.
          response_time_ms: at * 20,
        }),
      ),
    )
    const before = await countDeadlocks(deps)
    const written = await Promise.all(
      Array.from({ length: 16 }, async () => {
        let accepted = 0
        for (let round = 0; round < 4; round++) {
          const { outcomes } = await writeUsage(deps, shuffled(events).slice(0, 150))
          expect(outcomes).not.toContain('conflict')
          accepted += outcomes.filter((outcome) => outcome === 'accepted').length
        }
        return accepted
      }),
    )
    const last = await writeUsage(deps, shuffled(events))
    expect(written.reduce((sum, one) => sum + one, last.accepted)).toBe(400)
    for (const id of ids) {
      const once = { events: 200, ids: 200, requests: 200, errors: 100, api_calls: (199 * 200) / 2 }
      expect(await sums(id)).toMatchObject(once)
      const [others] = await deps.sql.query(
        `select (select sum(requests) from usage_slices where organization_id = $1 and dimension = 'key')::int as hourly_slices,
          (select sum(requests) from usage_daily_slices where organization_id = $1 and dimension = 'status')::int as daily_slices,
          (select sum(requests) from usage_totals where organization_id = $1)::int as totals,
          (select sum(requests) from usage_periods where organization_id = $1)::int as periods,
          (select sum(total_requests) from api_key_usage where organization_id = $1)::int as keys`,
        [id],
      )
      expect(others).toEqual({ hourly_slices: 200, daily_slices: 200, totals: 200, periods: 200, keys: 200 })
    }
    expect(await countDeadlocks(deps)).toBe(before)
  })

  test('count one of several events under one id and report a conflict for the others', async () => {
    const id = organization()
    const names = Array.from({ length: 20 }, (_, at) => `event-${at}`)
    const written = await Promise.all(
      Array.from({ length: 16 }, (_, writer) =>
        writeUsage(
          deps,
          names.map((name) => event(id, { id: name, api_calls: writer })),
        ),
      ),
    )
    for (const at of names.keys()) {
      const outcomes = Map.groupBy(written, (one) => one.outcomes[at])
      expect([outcomes.get('accepted')?.length, outcomes.get('conflict')?.length]).toEqual([1, 15])
    }
    expect(await sums(id)).toMatchObject({ events: 20, ids: 20, requests: 20 })
  })
})

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => [Math.random(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item)
}
