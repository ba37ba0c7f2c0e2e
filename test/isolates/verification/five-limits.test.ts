import { expect, test } from 'vitest'
import { newKeyHolder } from '../../support/http.ts'
import { countTrips, newIsolate } from '../../support/isolate.ts'

const KINDS = [
  { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 60 },
  { name: 'budget', meter: 'cost_usd', limit: '10.00', period: 'month' },
  { name: 'calls', meter: 'api_calls', limit: 1_000, period: 'hour' },
  { name: 'burst', limit: 100, window_seconds: 10 },
  { name: 'images', limit: 50, period: 'day', per: 'subject', cost: 1 },
]

test('a key with five limits of five kinds costs one round trip to Redis', async () => {
  const isolate = await newIsolate()
  const { key } = await newKeyHolder({ limits: KINDS })
  await isolate.verify(key, { subject: 'ada' })
  const trips = await countTrips(async () => {
    expect(await isolate.verify(key, { subject: 'ada' })).toMatchObject({
      valid: true,
      limits: {
        tokens: { remaining: 1_000 },
        budget: { remaining: '10.000000' },
        calls: { remaining: 998 },
        burst: { remaining: 98 },
        images: { remaining: 48 },
      },
    })
  })
  expect(trips).toEqual({ sql: 0, redis: 1 })
})
