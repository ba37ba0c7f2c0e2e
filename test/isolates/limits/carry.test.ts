/** Units that an isolate admitted locally are carried to Redis in calls of a bounded size. */
import { afterEach, expect, test, vi } from 'vitest'
import { findRedis } from '../../../src/db/redis-databases.ts'
import type { LimitRequest } from '../../../src/limits/limit-request.ts'
import { bodyOf } from '../../support/broken-stores.ts'
import { newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const HOUR = 3_600_000
const SUBJECTS = 1_000

test.each([
  ['units of many subjects', false],
  ['marked requests of many subjects', true],
])(
  '%s are carried in calls of a bounded size, and the next request is decided after the last one',
  async (_, isMarked) => {
    const isolate = await newIsolate()
    const { keepForLater, carryPending } = await isolate.load(() => import('../../../src/limits/outage/carry.ts'))
    const { admit } = await isolate.load(() => import('../../../src/limits/admission.ts'))
    const deps = isolate.deps()
    const owner = crypto.randomUUID()
    const take = (subject: number, cost: number): LimitRequest => ({
      now: deps.now(),
      aheadMs: deps.redisAheadMs,
      organizationId: undefined,
      windows: [{ key: owner, windowMs: HOUR, limit: 10_000, cost }],
      counters: [{ key: `test:${owner}:${subject}`, windowMs: HOUR, limit: 10, cost }],
      versions: [],
      ...(isMarked && cost > 0 && { once: { key: `once:${owner}:${subject}`, body: '-' } }),
    })
    for (let subject = 0; subject < SUBJECTS; subject++) keepForLater(take(subject, 2), undefined)
    const fetched = vi.spyOn(globalThis, 'fetch')
    await carryPending(deps, take(0, 0))
    const sizes = fetched.mock.calls.map(([, init]) => bodyOf(init).length)
    expect(Math.max(...sizes)).toBeLessThan(150_000)
    const redis = findRedis(deps, undefined)
    for (const subject of [0, 500, SUBJECTS - 1])
      expect(await admit(redis, take(subject, 0))).toMatchObject({
        counters: [{ used: 2 }],
        windows: [{ remaining: 10_000 - 2 * SUBJECTS }],
      })
  },
)
