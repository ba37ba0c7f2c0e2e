import { afterEach, describe, expect, test, vi } from 'vitest'
import { toWindowKey } from '../../../src/limits/admission.ts'
import { quotaKey } from '../../../src/limits/limit-request.ts'
import { BUCKETS } from '../../../src/limits/window.ts'
import { claimOf, countTrips, moveTime, newIsolate } from '../../support/isolate.ts'
import { readQuota } from '../../support/quota.ts'
import { readWindow, unitsIn } from '../../support/windows.ts'

const MINUTE = 60_000
const BUCKET_MS = MINUTE / BUCKETS
const LEASE_MS = 1_500

const isolate = await newIsolate()

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

interface Limits {
  readonly limit?: number
  readonly quota?: number
}

/**
 * A key, what its counters hold, and time that moves with the timers: that of the isolate only when it is told to, so that
 * what it has seen in a second is the same on any machine. Redis begins in the second half of a bucket.
 */
async function begin({ limit = 10_000, quota = 10_000 }: Limits = {}) {
  isolate.revive()
  vi.restoreAllMocks()
  vi.spyOn(Date, 'now').mockReturnValue(Date.now())
  const time = moveTime([isolate])
  await time.until(Math.ceil(isolate.now() / BUCKET_MS) * BUCKET_MS + BUCKET_MS / 2)
  const {
    redis: { shared: redis },
  } = isolate.deps()
  const [windowKey, organizationId] = [crypto.randomUUID(), crypto.randomUUID()]
  const period = { name: 'counted', start: 0, end: isolate.now() + 1_000 * MINUTE }

  /** @returns how many of them were admitted */
  async function take(count: number, cost = 1) {
    let admitted = 0
    for (let at = 0; at < count; at++) {
      const claim = claimOf(isolate, { windowKey, limit, organizationId, period, quota, cost })
      if ((await isolate.consumeLeased(claim)).outcome === 'admitted') admitted++
    }
    return admitted
  }

  /** @returns the units that were still available */
  async function fill() {
    let units = 0
    for (const cost of [64, 16, 4, 1]) while (await take(1, cost)) units += cost
    return units
  }

  const window = () => readWindow(redis, windowKey)

  return {
    ...time,
    take,
    fill,
    window,
    forgetWindow: () => redis.del(toWindowKey(windowKey)),
    /** Units by the counters of the window and of the quota. */
    async counted() {
      const inWindow = await unitsIn(redis, windowKey)
      const inQuota = (await readQuota(redis, quotaKey(organizationId, period.name))).api_calls ?? 0
      return { window: inWindow, quota: inQuota }
    },
  }
}

const both = (units: number) => ({ window: units, quota: units })

describe('leased units', () => {
  test('count in the bucket of the last moment they may be spent, and the request that leased them in its own', async () => {
    let buckets: ReadonlyMap<number, number>
    let [taken, spent] = [0, 0]
    do {
      const { take, window } = await begin()
      await take(5)
      const counts = await window()
      buckets = counts.buckets
      taken = Math.floor(counts.now / BUCKET_MS) // the moment at which Redis decided
      spent = Math.floor((counts.now + LEASE_MS) / BUCKET_MS)
    } while (taken === spent) // if five requests took a second
    expect(Object.fromEntries(buckets)).toMatchObject({ [taken]: 5, [spent]: 20 })
  })

  test('that are spent in the next bucket do not return before a window has passed since then', async () => {
    const limit = 400
    let [admitted, late, since, until] = [0, 0, 0, 0]
    do {
      const { take, fill, window, advance } = await begin({ limit })
      await take(5)
      await advance(LEASE_MS - 100)
      since = isolate.now()
      late = await take(10)
      admitted = late + (await fill())
      await advance(MINUTE - 300) // what was taken in the first bucket is back
      admitted += await fill()
      until = (await window()).now
    } while (until >= since + MINUTE) // if that took a third of a second
    expect(late).toBe(10)
    expect(admitted).toBeLessThanOrEqual(limit)
  })

  test('are at most a twentieth of what is left of the window or the quota', async () => {
    for (const limits of [{ limit: 1_000 }, { quota: 1_000 }]) {
      const { take, counted } = await begin(limits)
      await take(5, 30)
      expect(await counted()).toEqual(both(150 + Math.floor((1_000 - 150) / 20)))
    }
  })

  test('are spent for at most 1.5 s, even if the timer that returns them is late', async () => {
    const { take } = await begin()
    await take(5)
    isolate.advance(LEASE_MS - 500)
    expect((await countTrips(() => take(1))).redis).toBe(0)
    isolate.advance(500)
    expect((await countTrips(() => take(1))).redis).toBeGreaterThan(0)
  })
})

describe('unspent units', () => {
  test('return to the window and to the quota when their time is over, exactly once', async () => {
    const { take, counted, advance, idle } = await begin()
    await take(12)
    expect(await counted()).toEqual(both(5 + 20))
    await advance(LEASE_MS - 500)
    expect(await counted()).toEqual(both(5 + 20))
    await advance(500)
    expect(await counted()).toEqual(both(12))
    await advance(MINUTE)
    await idle()
    expect(await counted()).toEqual(both(12))
  })

  test('return at once if a request does not fit into them, and not again when their time is over', async () => {
    const { take, counted, advance, idle } = await begin()
    await take(12)
    expect(await counted()).toEqual(both(5 + 20))
    await take(1, 100) // 13 are left; it gets its own lease, for 1.5 times the demand of this second
    await idle()
    expect(await counted()).toEqual(both(12 + 100 + 168))
    await advance(LEASE_MS)
    expect(await counted()).toEqual(both(12 + 100))
  })

  test('of a window that restarted meanwhile return only to the quota', async () => {
    const { take, counted, advance, idle, forgetWindow } = await begin()
    await take(12)
    await forgetWindow()
    await advance(500)
    await take(1, 30) // begins it, with a lease in the bucket of the last one
    await idle()
    expect(await counted()).toEqual({ window: 30 + 63, quota: 12 + 30 + 63 })
  })

  test('of an isolate that died stay taken: others admit less, never more', async () => {
    const { take, counted, advance } = await begin()
    await take(12)
    isolate.die()
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    await advance(MINUTE)
    isolate.revive()
    expect(await counted()).toEqual(both(5 + 20))
  })
})
