import { describe, expect, test } from 'vitest'
import type { Hold } from '../../../src/limits/holds/holds.ts'
import { quotaKey } from '../../../src/limits/limit-request.ts'
import { countersOf, resetOf, unique } from '../../support/counters.ts'
import { newIsolate } from '../../support/isolate.ts'
import { readQuota } from '../../support/quota.ts'

const MINUTE = 60_000
const BUCKET = MINUTE / 30
const DAY = 24 * 60 * MINUTE
const { newPeriod, newWindow, newSlots } = countersOf(await newIsolate())
const outcomes = (holds: readonly Hold[]) => holds.filter(({ outcome }) => outcome === 'held').length

describe.each([
  ['a window', newWindow],
  ['a calendar period', newPeriod],
  ['slots', newSlots],
])('of %s', (_, begin) => {
  test('exactly as many of 200 concurrent holds are granted as there is room for', async () => {
    const { hold, read } = begin(70)
    const held = await Promise.all(Array.from({ length: 200 }, () => hold(2)))
    expect(outcomes(held)).toBe(35)
    expect(await read()).toMatchObject({ used: 0, held: 70 })
    expect(held.find(({ outcome }) => outcome !== 'held')).toMatchObject({ outcome: 'counter_exceeded', refused: 0 })
  })

  test('expiring holds release everything, and no earlier', async () => {
    const { hold, advance } = begin(10)
    expect(await hold(10, { ms: 5_000 })).toMatchObject({ outcome: 'held' })
    expect(await hold(1)).toMatchObject({ outcome: 'counter_exceeded' })
    advance(4_000)
    expect(await hold(1)).toMatchObject({ outcome: 'counter_exceeded' })
    advance(1_000)
    expect(await hold(10)).toMatchObject({ outcome: 'held', counters: [{ used: 0, held: 10 }] })
  })

  test('a hold that settles without use releases everything, once', async () => {
    const { hold, settle, read } = begin(10)
    const [mine, other] = [unique(), unique()]
    await hold(4, { id: mine })
    await hold(5, { id: other })
    expect(await Promise.all([settle(mine, 0), settle(mine, 0), settle(mine, 0)])).toHaveLength(3)
    expect(await read()).toMatchObject({ used: 0, held: 5 })
  })

  test('a hold is refused at one unit more than what is left, and granted at exactly what is left', async () => {
    const { hold } = begin(10)
    await hold(6)
    expect(await hold(5)).toMatchObject({ outcome: 'counter_exceeded', counters: [{ used: 0, held: 6 }] })
    expect(await hold(4)).toMatchObject({ outcome: 'held', counters: [{ used: 0, held: 10 }] })
  })

  test('a hold of nothing is granted though nothing is left', async () => {
    const { hold } = begin(10)
    await hold(10)
    expect(await hold(0)).toMatchObject({ outcome: 'held' })
  })

  test('a repeated hold is one hold', async () => {
    const { hold, read } = begin(10)
    const id = unique()
    await Promise.all([hold(6, { id }), hold(6, { id }), hold(6, { id })])
    expect(await read()).toMatchObject({ held: 6 })
  })

  test('a hold that is extended lasts until its new end, and one that has ended cannot be extended', async () => {
    const { hold, extend, advance, now } = begin(10)
    const id = unique()
    await hold(10, { id, ms: 5_000 })
    advance(4_000)
    const until = await extend(id, 10_000)
    expect(until).toBeGreaterThanOrEqual(now() + 9_000)
    advance(9_000)
    expect(await extend(id, 1)).toBe(until)
    expect(await hold(1)).toMatchObject({ outcome: 'counter_exceeded' })
    advance(1_100)
    expect(await extend(id, 10_000)).toBeUndefined()
    expect(await hold(10)).toMatchObject({ outcome: 'held' })
  })
})

describe.each([
  ['a window', newWindow],
  ['a calendar period', newPeriod],
])('of %s', (_, begin) => {
  test('use counts in the step in which the hold ends, whether less or more than was held', async () => {
    const { hold, settle, read } = begin(100)
    const [less, more] = [unique(), unique()]
    await hold(30, { id: less })
    await hold(30, { id: more })
    await settle(less, 10)
    expect(await read()).toMatchObject({ used: 10, held: 30 })
    await settle(more, 75)
    expect(await read()).toMatchObject({ used: 85, held: 0 })
  })

  test('concurrent and repeated settlements count once', async () => {
    const { hold, settle, read } = begin(100)
    const id = unique()
    await hold(30, { id })
    await Promise.all(Array.from({ length: 20 }, (_, at) => settle(id, 20, { isNew: at === 0 })))
    await settle(id, 20)
    expect(await read()).toMatchObject({ used: 20, held: 0 })
  })

  test('a use whose hold has expired counts if it is new, and once though its response was lost', async () => {
    const { hold, settle, read, advance } = begin(100)
    const id = unique()
    await hold(30, { id, ms: 1_000 })
    advance(1_001)
    await settle(id, 20)
    expect(await read()).toMatchObject({ used: 0, held: 0 })
    await settle(id, 20, { isNew: true })
    await settle(id, 20, { isNew: true })
    expect(await read()).toMatchObject({ used: 20, held: 0 })
  })

  test('reported use counts beyond the limit, once per batch, and later requests are refused', async () => {
    const { count, ask, hold, read } = begin(100)
    const batch = unique()
    await Promise.all([count(99, batch), count(99, batch), count(99, batch)])
    expect(await ask(0)).toMatchObject({ outcome: 'admitted', counters: [{ used: 99 }] })
    await count(7)
    expect(await read()).toMatchObject({ used: 106, held: 0 })
    expect(await ask(0)).toMatchObject({ outcome: 'counter_exceeded', refused: 0 })
    expect(await hold(1)).toMatchObject({ outcome: 'counter_exceeded' })
  })

  test('concurrent holds, settlements and reports never exceed the limit', async () => {
    const { hold, settle, read } = begin(1_000)
    let used = 0
    const work = async (at: number) => {
      const id = unique()
      const held = await hold(20, { id })
      if (held.outcome !== 'held') return
      const amount = at % 21
      used += amount
      await settle(id, amount, { isNew: true })
    }
    await Promise.all(Array.from({ length: 200 }, (_, at) => work(at)))
    expect(await read()).toMatchObject({ used, held: 0 })
    expect(used).toBeLessThanOrEqual(1_000)
  })

  test('a hold that the quota cuts is held in the counter as far as it was granted', async () => {
    const { hold, read } = begin(1_000)
    const held = await hold(200, { meter: 'tokens', tokens: 200, tokensLeft: 200 })
    expect(held).toMatchObject({ outcome: 'held', amounts: [180] })
    expect(await read()).toMatchObject({ held: 180 })
  })

  test('a quota that refuses takes nothing from the counter, and vice versa', async () => {
    const { hold, read, deps, organizationId, period } = begin(100)
    expect(await hold(50, { meter: 'tokens', tokens: 50, tokensLeft: 49 })).toMatchObject({ outcome: 'exceeded' })
    expect(await hold(101, { meter: 'tokens', tokens: 101 })).toMatchObject({ outcome: 'counter_exceeded' })
    expect(await read()).toMatchObject({ used: 0, held: 0 })
    const { 'held:tokens': known } = await readQuota(deps().redis.shared, quotaKey(organizationId, period.name))
    expect(known ?? 0).toBe(0)
  })
})

describe('a verification', () => {
  test('takes what it requests from a counter: exactly as many of 200 concurrent ones as there is room for', async () => {
    const { ask, read } = newPeriod(70)
    const asked = await Promise.all(Array.from({ length: 200 }, () => ask(2)))
    expect(asked.filter(({ outcome }) => outcome === 'admitted')).toHaveLength(35)
    expect(await read()).toMatchObject({ used: 70 })
  })

  test('reports when it requests more than the limit can ever allow', async () => {
    const { ask } = newPeriod(10)
    expect(await ask(11)).toMatchObject({ outcome: 'counter_exceeded', neverFits: true })
    expect(await ask(10)).toMatchObject({ outcome: 'admitted' })
    const full = await ask(1)
    expect(full).toMatchObject({ outcome: 'counter_exceeded' })
    expect(full).not.toHaveProperty('neverFits')
  })

  test('counts held units, and waits for the first hold that frees room or for the end of the period', async () => {
    const { hold, settle, ask, now, counter } = newPeriod(10)
    const id = unique()
    await hold(4, { id, ms: 10_000 })
    await hold(6, { ms: 20_000 })
    const [first, second] = [await resetOf(ask(3)), await resetOf(ask(5))]
    expect(first - now()).toBeGreaterThan(8_000)
    expect(first - now()).toBeLessThanOrEqual(10_000)
    expect(second - now()).toBeGreaterThan(18_000)
    await settle(id, 4)
    expect(await resetOf(ask(7))).toBe(counter.until)
  })
})

describe('units of a window', () => {
  test('count from when they were held, and the excess from when it was reported', async () => {
    const { hold, settle, read, advance } = newWindow(100)
    const id = unique()
    await hold(30, { id, ms: DAY })
    advance(MINUTE / 2)
    await settle(id, 50)
    advance(MINUTE / 2 + 2 * BUCKET)
    expect(await read()).toMatchObject({ used: 20, held: 0 })
    advance(MINUTE / 2)
    expect(await read()).toMatchObject({ used: 0, held: 0 })
  })

  test('of a hold older than the window expire when it settles, and the use beyond it counts', async () => {
    const { hold, settle, read, advance } = newWindow(100)
    const id = unique()
    await hold(30, { id, ms: DAY })
    advance(2 * MINUTE)
    expect(await read()).toMatchObject({ used: 0, held: 30 })
    await settle(id, 45)
    expect(await read()).toMatchObject({ used: 15, held: 0 })
  })

  test('leave a full window no later than one bucket after its length', async () => {
    const { count, ask, advance, now } = newWindow(10)
    await count(10)
    const reset = await resetOf(ask(0))
    expect(reset - now()).toBeLessThanOrEqual(MINUTE + BUCKET)
    advance(MINUTE - BUCKET)
    expect(await ask(0)).toMatchObject({ outcome: 'counter_exceeded' })
    advance(2 * BUCKET + 1)
    expect(await ask(0)).toMatchObject({ outcome: 'admitted' })
  })
})

describe('a counter that Redis has lost', () => {
  test('counts its open holds again', async () => {
    const { hold, deps, counter, read } = newPeriod(10)
    await hold(7)
    await deps().redis.shared.del(counter.key)
    expect(await read()).toMatchObject({ held: 7 })
    expect(await hold(4)).toMatchObject({ outcome: 'counter_exceeded' })
  })

  test('starts once with what Postgres has, and waits for it where it must', async () => {
    const { ask } = newPeriod(10)
    expect(await ask(1, { isSeeded: true })).toEqual({ outcome: 'unseeded' })
    expect(await ask(1, { isSeeded: true, seed: 5 })).toMatchObject({ outcome: 'admitted', counters: [{ used: 6 }] })
    expect(await ask(1, { isSeeded: true, seed: 5 })).toMatchObject({ outcome: 'admitted', counters: [{ used: 7 }] })
    expect(await ask(1, { isSeeded: true })).toMatchObject({ outcome: 'admitted', counters: [{ used: 8 }] })
  })
})

describe('a balance, whose use is a sum in Postgres', () => {
  test('is raised to that sum in the step in which a hold ends, and never counts it twice', async () => {
    const { hold, settle, ask } = newSlots(100)
    const id = unique()
    await ask(0, { recorded: 40 })
    await hold(30, { id })
    await settle(id, 25, { recorded: 65, isNew: true })
    await settle(id, 25, { recorded: 65, isNew: true })
    expect(await ask(0, { recorded: 40 })).toMatchObject({ counters: [{ used: 65, held: 0 }] })
    expect(await hold(36)).toMatchObject({
      outcome: 'counter_exceeded',
      counters: [{ used: 65, held: 0, reset: null }],
    })
    expect(await hold(35)).toMatchObject({ outcome: 'held' })
  })
})
