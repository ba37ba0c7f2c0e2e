/** Corrections of counted use, over the real scripts. */
import { beforeAll, describe, expect, test } from 'vitest'
import { countUsed } from '../../../src/limits/holds/holds.ts'
import { countersOf, unique } from '../../support/counters.ts'
import { type Isolate, newIsolate } from '../../support/isolate.ts'

const MINUTE = 60_000
/** Longer than a counter may begin after the use that it contains (limits/scripts/counter.ts). */
const COUNTED_AFTER = 60_000
let isolate: Isolate
beforeAll(async () => {
  isolate = await newIsolate()
})

describe.each(['newPeriod', 'newWindow'] as const)('a correction in a counter of %s', (kind) => {
  test('lowers it once, however often it is sent, and can raise it', async () => {
    const { count, correct, read, now } = countersOf(isolate)[kind](100)
    await count(70)
    const batch = unique()
    await Promise.all([1, 2, 3].map(() => correct(-30, now(), { batch })))
    expect(await read()).toMatchObject({ used: 40 })
    await correct(55, now())
    expect(await read()).toMatchObject({ used: 95 })
  })

  test('takes no more than there is, and nothing from a counter that began long after the corrected use', async () => {
    const { count, correct, read, now } = countersOf(isolate)[kind](100)
    await count(20)
    await correct(-30, now() - 2 * MINUTE)
    expect(await read()).toMatchObject({ used: 20 })
    await correct(-30, now())
    expect(await read()).toMatchObject({ used: 0 })
  })
})

describe.each(['newPeriod', 'newWindow'] as const)('use that a correction gives to a counter of %s', (kind) => {
  test('counts even if the counter began after it was reported, and can be removed again', async () => {
    const { count, correct, read, now } = countersOf(isolate)[kind](100)
    const told = now() - MINUTE / 2 - COUNTED_AFTER
    const window = kind === 'newWindow'
    await count(20)
    await correct(30, window ? now() : told, { since: told, isNew: true })
    expect(await read()).toMatchObject({ used: 50 })
    await correct(-30, window ? now() : told, { since: now() })
    expect(await read()).toMatchObject({ used: 20 })
    await correct(-10, window ? now() : told, { since: told })
    expect(await read()).toMatchObject({ used: 20 })
  })

  test('counts once, however often it is sent', async () => {
    const { correct, read, now } = countersOf(isolate)[kind](100)
    const batch = unique()
    await Promise.all([1, 2, 3].map(() => correct(30, now(), { batch, isNew: true })))
    expect(await read()).toMatchObject({ used: 30 })
  })
})

test('use that a correction gives to a window counts from its report, and not if that has left the window', async () => {
  const { correct, read, now, advance } = countersOf(isolate).newWindow(100)
  const told = now()
  advance(MINUTE / 2)
  await correct(30, told, { since: now(), isNew: true })
  expect(await read()).toMatchObject({ used: 30 })
  advance(MINUTE / 2 + 3_000)
  expect(await read()).toMatchObject({ used: 0 })
  await correct(30, told, { since: now(), isNew: true })
  expect(await read()).toMatchObject({ used: 0 })
})

describe('a correction in a rolling window', () => {
  test('subtracts at the moment at which the use was counted, so that the rest leaves the window in time', async () => {
    const { count, correct, read, now, advance } = countersOf(isolate).newWindow(100)
    const first = now()
    await count(40)
    advance(MINUTE / 2)
    await count(50)
    await correct(-30, first)
    expect(await read()).toMatchObject({ used: 60 })
    advance(MINUTE / 2 + 3_000) // the buckets of the first minute are over
    expect(await read()).toMatchObject({ used: 50 })
  })

  test('changes nothing once the use has left the window, or may have left it if its units were held', async () => {
    const { count, correct, read, now, advance } = countersOf(isolate).newWindow(100)
    const first = now()
    await count(40)
    advance(MINUTE + 3_000)
    await count(50)
    await correct(-30, first)
    await correct(30, first)
    await correct(-30, now(), { heldMs: 2 * MINUTE })
    expect(await read()).toMatchObject({ used: 50 })
    await correct(-30, now(), { heldMs: MINUTE / 2 })
    expect(await read()).toMatchObject({ used: 20 })
  })
})

describe('a correction while Redis has lost the counter', () => {
  const [LATE_XID, NEXT_XID] = [9, 10]

  test.each([
    ['lowers a seed that has the use', true, { seed: 50, snapshot: `${LATE_XID}:${LATE_XID}:` }, 50 - 30 + 7],
    ['is in a seed that was read after it', true, { seed: 20, snapshot: `${NEXT_XID + 1}:${NEXT_XID + 1}:` }, 20],
    ['changes nothing where the use is in no seed', false, { seed: 0, snapshot: `${LATE_XID}:${LATE_XID}:` }, 7],
    ['waits where the use is new', 'new', { seed: 0, snapshot: `${LATE_XID}:${LATE_XID}:` }, 30 + 7],
  ])('%s', async (_, has, seed, used) => {
    const isNew = has === 'new'
    const amount = isNew ? 30 : -30
    const { counter, ask, count, deps, now, organizationId } = countersOf(isolate).newPeriod(1_000)
    const lost = { kept: { key: `limits:${unique()}`, from: now() - MINUTE } }
    const tell = (amount: number, xid: number, more: object = {}) =>
      countUsed(deps(), {
        batch: unique(),
        organizationId,
        counters: [{ ...counter, ...lost, cost: 0, amount, xid, ...more }],
      })
    await count(50)
    await deps().redis.shared.del(counter.key)
    await tell(amount, LATE_XID, { corrects: { told: now(), since: now(), heldMs: 0, isInSeed: has === true, isNew } })
    await tell(7, NEXT_XID)
    expect(await ask(0, { ...lost, ...seed })).toMatchObject({ counters: [{ used }] })
  })
})
