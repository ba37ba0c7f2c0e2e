/** Settlements that name another key or subject: the use counts with the event, and the hold ends where it was made. */
import { afterEach, expect, test, vi } from 'vitest'
import { call, newKeyHolder, setLimits } from '../../../support/http.ts'
import { newIsolate } from '../../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const LIMITS = [
  { name: 'each', meter: 'tokens', limit: 1_000, window_seconds: 3_600, per: 'subject' },
  { name: 'daily', meter: 'tokens', limit: 1_000, period: 'day', per: 'subject' },
  { name: 'all', meter: 'tokens', limit: 1_000, period: 'month' },
]

async function begin() {
  const holder = await newKeyHolder({ limits: LIMITS })
  await setLimits(holder.organizationId, { rate_limit_per_minute: 1_000 })
  const isolate = await newIsolate()

  return {
    ...holder,
    isolate,
    async reserve(more: object = {}) {
      const reserved = await isolate.reserve({ key_id: holder.keyId, tokens: 600, ...more })
      return 'reservation_id' in reserved ? reserved.reservation_id : ''
    },
    /** What is left of each limit, and what is held. */
    async look(key = holder.key, subject?: string) {
      const { limits = {} } = await isolate.verify(key, { cost: 0, ...(subject && { subject }) })
      return Object.fromEntries(
        Object.entries(limits).map(([name, { remaining, held = 0 }]) => [name, [remaining, held]]),
      )
    },
  }
}

const left = (each: number, all: number) => ({ each: [each, 0], daily: [each, 0], all: [all, 0] })

test('the use counts for the subject that the settlement names', async () => {
  const { key, isolate, reserve, look } = await begin()
  const reservation_id = await reserve()
  await isolate.settle({ reservation_id, subject: 'u1', input_tokens: 510 })
  expect(await look(key, 'u1')).toEqual(left(490, 490))
  expect(await look()).toEqual(left(1_000, 490))
  const again = await reserve({ subject: 'u1', tokens: 100 })
  await isolate.settle({ reservation_id: again, subject: 'u2', input_tokens: 90 })
  expect(await look(key, 'u1')).toEqual(left(490, 400))
  expect(await look(key, 'u2')).toEqual(left(910, 400))
})

test('the use counts for the key that the settlement names, and for its successor if they share limits', async () => {
  const { key, keyId, token, isolate, reserve, look } = await begin()
  const issued = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'B', limits: LIMITS } })
  await look(issued.body.key) // now Redis has its counters
  const reservation_id = await reserve()
  await isolate.settle({ reservation_id, key_id: issued.body.id, input_tokens: 510 })
  expect(await look(issued.body.key)).toEqual(left(490, 490))
  expect(await look()).toEqual(left(1_000, 1_000))
  const shared = await reserve()
  const rotated = await call(`POST /api/v1/auth/api-keys/${keyId}/rotate`, {
    token,
    body: { grace_period_seconds: 600 },
  })
  expect(rotated.status).toBeLessThan(300)
  await isolate.settle({ reservation_id: shared, key_id: rotated.body.id, input_tokens: 510 })
  expect(await look(key)).toEqual(left(490, 490))
})

test('a settlement on the next day counts on the day of its reservation, and on no other', async () => {
  const { isolate, reserve, look } = await begin()
  const reservation_id = await reserve({ expires_in_seconds: 86_400 })
  const tomorrow = (Math.floor(isolate.now() / 86_400_000) + 1) * 86_400_000 + 60_000
  isolate.advance(tomorrow - isolate.now())
  await isolate.settle({ reservation_id, input_tokens: 510 })
  expect(await look()).toMatchObject({ daily: [1_000, 0] })
})
