import { expect, test } from 'vitest'
import { call, newKeyHolder, setLimits } from '../../support/http.ts'
import { countTrips, newIsolate } from '../../support/isolate.ts'

const WIDE = { rate_limit_per_minute: 1_000_000, api_calls: 1_000_000 }
const TOKENS = { name: 'tokens', meter: 'tokens', limit: 1_000_000, period: 'day' }
const CALLS = { name: 'calls', meter: 'api_calls', limit: 250, period: 'day' }
const EACH = { name: 'each', meter: 'tokens', limit: 100, period: 'day', per: 'subject' }

async function busyKey(limits: readonly object[]) {
  const holder = await newKeyHolder({ limits })
  await setLimits(holder.organizationId, WIDE)
  return holder
}

test('a busy key whose verifications only read its limits gets leases', async () => {
  const { key } = await busyKey([TOKENS])
  const isolate = await newIsolate()
  for (let at = 0; at < 10; at++) await isolate.verify(key)
  const trips = await countTrips(async () => {
    for (let at = 0; at < 10; at++)
      expect(await isolate.verify(key)).toMatchObject({ valid: true, limits: { tokens: { remaining: 1_000_000 } } })
  })
  expect(trips.redis).toBeLessThan(10)
})

test('several concurrent isolates admit exactly what a limit allows that verifications consume', async () => {
  const { key } = await busyKey([CALLS])
  const patient = { REDIS_TIMEOUT_MS: '10000' } // on a busy machine 400 at once take longer than an isolate waits
  const isolates = [await newIsolate(patient), await newIsolate(patient)]
  const verdicts = await Promise.all(
    Array.from({ length: 400 }, (_, at) => (isolates[at % 2] as (typeof isolates)[0]).verify(key)),
  )
  expect(verdicts.filter(({ valid }) => valid)).toHaveLength(250)
  expect(verdicts.find(({ valid }) => !valid)).toMatchObject({ code: 'RATE_LIMITED', refused_by: 'calls' })
})

test('a subject never passes with the lease of another one', async () => {
  const { key, keyId: key_id, token } = await busyKey([EACH])
  const isolate = await newIsolate()
  for (let at = 0; at < 20; at++) await isolate.verify(key, { subject: 'ada' })
  const event = { id: crypto.randomUUID(), key_id, subject: 'bob', input_tokens: 100 }
  await call('POST /api/v1/usage', { token, body: { events: [event] } })
  expect(await isolate.verify(key, { subject: 'bob' })).toMatchObject({ valid: false, refused_by: 'each' })
  expect(await isolate.verify(key, { subject: 'ada' })).toMatchObject({ valid: true })
})
