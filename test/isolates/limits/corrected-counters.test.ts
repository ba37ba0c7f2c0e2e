/** Corrections of what was counted in counters, over the real scripts. */
import { beforeAll, describe, expect, test } from 'vitest'
import { countUsed } from '../../../src/limits/holds.ts'
import { countersOf, unique } from '../../support/counters.ts'
import { type Isolate, newIsolate } from '../../support/isolate.ts'

const MINUTE = 60_000
let isolate: Isolate
beforeAll(async () => {
  isolate = await newIsolate()
})

describe.each(['newPeriod', 'newWindow'] as const)('a correction in a counter of %s', (kind) => {
  test('lowers it once, however often it is sent, and raises it as well', async () => {
    const { count, correct, read, now } = countersOf(isolate)[kind](100)
    await count(70)
    const batch = unique()
    await Promise.all([1, 2, 3].map(() => correct(-30, now(), { batch })))
    expect(await read()).toMatchObject({ used: 40 })
    await correct(55, now())
    expect(await read()).toMatchObject({ used: 95 })
  })

  test('takes no more than there is, and nothing of a counter that began long after what is corrected', async () => {
    const { count, correct, read, now } = countersOf(isolate)[kind](100)
    await count(20)
    await correct(-30, now() - 2 * MINUTE)
    expect(await read()).toMatchObject({ used: 20 })
    await correct(-30, now())
    expect(await read()).toMatchObject({ used: 0 })
  })
})

describe('a correction in a rolling window', () => {
  test('takes from the moment at which the use was counted, so that the rest leaves the window in time', async () => {
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

  test('changes nothing once the use has left the window, and of held units unless they surely have not', async () => {
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

describe('a correction that is told while Redis has lost the counter', () => {
  const [LATE_XID, NEXT_XID] = [9, 10]

  test.each([
    ['lowers a seed that has the use', true, { seed: 50, snapshot: `${LATE_XID}:${LATE_XID}:` }, 50 - 30 + 7],
    ['is in a seed that was read after it', true, { seed: 20, snapshot: `${NEXT_XID + 1}:${NEXT_XID + 1}:` }, 20],
    ['changes nothing where the use is in no seed', false, { seed: 0, snapshot: `${LATE_XID}:${LATE_XID}:` }, 7],
  ])('%s', async (_, isInSeed, seed, used) => {
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
    await tell(-30, LATE_XID, { corrects: { told: now(), heldMs: 0, isInSeed } })
    await tell(7, NEXT_XID)
    expect(await ask(0, { ...lost, ...seed })).toMatchObject({ counters: [{ used }] })
  })
})
