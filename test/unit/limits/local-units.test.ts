import { describe, expect, test } from 'vitest'
import { type LocalAdmission, LocalUnits } from '../../../src/limits/outage/local-units.ts'

const HOUR = 3_600_000

interface Taken {
  readonly subject: number
  readonly now?: number
}

/** A request that takes a unit of a quota, of the credits, of the key's window, and of a counter of its subject. */
const admit = ({ subject, now = 0 }: Taken): LocalAdmission => ({
  generation: 3,
  request: {
    now,
    windows: [{ key: 'key', windowMs: HOUR, limit: 10, cost: 1 }],
    counters: [
      { key: 'credits', limit: null, cost: 1, balance: {} },
      { key: `subject ${subject}`, limit: 10, windowMs: HOUR, cost: 1 },
    ],
    quota: {
      organizationId: 'organization',
      period: { name: 'month', start: 0, end: HOUR },
      meters: [{ meter: 'api_calls', amount: 1, limit: 10 }],
      recorded: {},
      isFresh: false,
    },
  },
})

function begin() {
  const dropped: LocalAdmission[] = []
  return { units: new LocalUnits((one) => dropped.push(one)), dropped }
}

/** Units by counter. */
function sum(admissions: readonly LocalAdmission[]) {
  const sums: Record<string, number> = {}
  for (const { request } of admissions) {
    const meters = (request.quota?.meters ?? []).map(({ meter, amount }) => ({ key: meter, cost: amount }))
    for (const { key, cost } of [...request.windows, ...(request.counters ?? []), ...meters])
      sums[key] = (sums[key] ?? 0) + cost
  }
  return sums
}

describe('local units', () => {
  test('are taken out a bounded number of counters at a time, each unit once', () => {
    const { units } = begin()
    for (let subject = 0; subject < 25; subject++)
      for (const now of [0, 1_000]) units.add(admit({ subject, now: now + subject * 10 }))
    const parts = []
    while (!units.isEmpty) parts.push(units.take(10))
    const bySubject = Object.fromEntries(Array.from({ length: 25 }, (_, subject) => [`subject ${subject}`, 2]))
    expect(sum(parts.flat())).toEqual({ key: 50, credits: 50, api_calls: 50, ...bySubject })
    expect(parts.map((part) => Object.keys(sum(part)).length)).toEqual([10 + 2, 10, 6])
  })

  test('of a balance come with the quota whose generation they belong to', () => {
    const { units } = begin()
    for (let subject = 0; subject < 5; subject++) units.add(admit({ subject }))
    const first = units.take(1)
    expect(first.filter(({ request }) => request.quota)).toMatchObject([
      { generation: 3, request: { counters: [{ key: 'credits', cost: 5 }], quota: { meters: [{ amount: 5 }] } } },
    ])
  })

  test('that are free or have no quota are used up as well', () => {
    const { units } = begin()
    const { request } = admit({ subject: 1 })
    units.add({ generation: undefined, request: { ...request, quota: undefined as never } })
    units.add({ generation: 1, request: { now: 5_000, windows: [] } })
    while (!units.isEmpty) units.take(1)
    expect(units.oldestAt).toBeUndefined()
  })

  test('of counters beyond the maximum are dropped, those that took none for longest first, but never those of quotas', () => {
    const { units, dropped } = begin()
    const all = 20_010
    for (let subject = 0; subject < all; subject++) units.add(admit({ subject, now: subject }))
    const lost = Array.from({ length: 11 }, (_, subject) => `subject ${subject}`) // the key's window is a counter as well
    expect(sum(dropped)).toEqual(Object.fromEntries(lost.map((key) => [key, 1])))
    const kept = sum(units.take(all))
    expect(kept).toMatchObject({ key: all, credits: all, api_calls: all })
    expect(Object.keys(kept)).toHaveLength(20_000 + 2)
    expect(units.isEmpty).toBe(true)
  })

  test('know their oldest time', () => {
    const { units } = begin()
    for (const now of [1_000, 5_000, 90_000]) units.add(admit({ subject: now, now }))
    expect(units.oldestAt).toBe(1_000)
    units.take(2) // the key's window is taken last
    expect(units.oldestAt).toBe(1_000)
    units.take(2)
    expect(units.oldestAt).toBeUndefined()
  })
})
