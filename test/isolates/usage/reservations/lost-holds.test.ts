/** Settlements of reservations that Redis lost or cannot return still count for the key and the subject. */
import { afterEach, expect, test, vi } from 'vitest'
import { breakStores } from '../../../support/broken-stores.ts'
import { newKeyHolder, setLimits } from '../../../support/http.ts'
import { newIsolate } from '../../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const LIMITS = [
  { name: 'day', meter: 'tokens', limit: 1_000, period: 'day' },
  { name: 'each', meter: 'tokens', limit: 1_000, window_seconds: 3_600, per: 'subject' },
]
const SUBJECT = 'Zoë 🙂 "1"'

async function begin() {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { key, keyId: key_id, organizationId } = await newKeyHolder({ limits: LIMITS })
  await setLimits(organizationId, { rate_limit_per_minute: 1_000 })
  const [isolate, other] = [await newIsolate(), await newIsolate()]
  await isolate.verify(key, { subject: SUBJECT }) // now Redis knows the counters
  const redis = isolate.deps().redis.of(organizationId)

  return {
    key_id,
    isolate,
    other,
    redis,
    organizationId,
    async reserve() {
      const reserved = await isolate.reserve({ key_id, subject: SUBJECT, tokens: 600 })
      return 'reservation_id' in reserved ? reserved.reservation_id : ''
    },
    /** What is left of each limit, and whose the settled event is. */
    async look() {
      await isolate.verify(key, { cost: 0 }) // adds what it admitted locally
      const { limits = {} } = await other.verify(key, { cost: 0, subject: SUBJECT })
      const [event] = await isolate
        .deps()
        .sql.query(`select key_id, subject from usage_events where organization_id = $1 and id like 'hold_%'`, [
          organizationId,
        ])
      return { event, left: [limits['day']?.remaining, limits['each']?.remaining] }
    },
  }
}

const owned = (key_id: string) => ({ event: { key_id, subject: SUBJECT }, left: [490, 490] })

test('a reservation granted while Redis was down counts for its key and its subject', async () => {
  const { key_id, isolate, reserve, look } = await begin()
  const broken = breakStores(['/redis'])
  const reservation_id = await reserve()
  broken.mockRestore()
  expect(await isolate.settle({ reservation_id, input_tokens: 510 })).toMatchObject({ outcome: 'settled' })
  expect(await look()).toEqual(owned(key_id))
  expect(await isolate.settle({ reservation_id, input_tokens: 510 })).toMatchObject({ outcome: 'duplicate' })
  expect(await look()).toEqual(owned(key_id))
})

test('a reservation settled while Redis is down counts for its key and its subject', async () => {
  const { key_id, isolate, reserve, look } = await begin()
  const reservation_id = await reserve()
  const broken = breakStores(['/redis'])
  expect(await isolate.settle({ reservation_id, input_tokens: 510 })).toMatchObject({ outcome: 'settled' })
  broken.mockRestore()
  expect(await look()).toEqual(owned(key_id))
})

test('a reservation that Redis lost counts for its key and its subject, and is listed by its original id', async () => {
  const { key_id, isolate, redis, organizationId, reserve, look } = await begin()
  const reservation_id = await reserve()
  const { listReservations } = await isolate.load(() => import('../../../../src/usage/reservations/open-holds.ts'))
  const { data } = await listReservations(isolate.deps(), organizationId, { limit: 10 })
  expect(data.map(({ id }) => id)).toEqual([reservation_id])
  const lost = await redis.keys(`hold*:${organizationId}:*`)
  expect(await redis.del(...lost)).toBe(2)
  expect(await isolate.settle({ reservation_id, input_tokens: 510 })).toMatchObject({ outcome: 'settled' })
  expect(await look()).toEqual(owned(key_id))
})

test('an invented id gains nothing: keys of others are not found, and what Redis has takes precedence', async () => {
  const { key_id, other, redis, organizationId, reserve, look } = await begin()
  const { keyId: foreign } = await newKeyHolder({ limits: LIMITS })
  const reservation_id = await reserve()
  const forged = reservation_id.replace(/_k[0-9a-f]{32}.*/, `_k${foreign.replaceAll('-', '')}`)
  expect(forged).not.toBe(reservation_id)
  const trace = `hold:${organizationId}:${reservation_id.split('_')[3]}`
  const away = `${trace}:away`
  await redis.rename(trace, away)
  const settled = { reservation_id: forged, input_tokens: 510 }
  await expect(other.settle(settled)).rejects.toMatchObject({ code: 'invalid_request' })
  await redis.rename(away, trace)
  expect(await other.settle(settled)).toMatchObject({ outcome: 'settled' })
  expect(await look()).toEqual(owned(key_id))
})
