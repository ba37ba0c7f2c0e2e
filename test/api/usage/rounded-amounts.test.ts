/** Amounts with more decimals than their meter has: whoever counts them has the same rounded figure. */
import { beforeAll, expect, inject, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { call, eventually, newKeyHolder, setLimits, verify } from '../../support/http.ts'

beforeAll(defineMeters)

const token = inject('credentials').service_key
const post = async (path: string, body: object) => (await call(`POST /api/v1/usage${path}`, { token, body })).body
const report = (events: readonly object[]) => post('', { events })
const { sql } = directly()

async function world() {
  const limit = { name: 'audio', meter: 'audio_seconds', limit: 100, period: 'day' }
  const { key, keyId: key_id, organizationId, token: own } = await newKeyHolder({ limits: [limit] })
  await setLimits(organizationId, { rate_limit_per_minute: 100_000, meters: { audio_seconds: 100, images: 100 } })
  const get = async (path: string) => (await call(`GET /api/v1${path}`, { token: own })).body
  return {
    key,
    key_id,
    organization_id: organizationId,
    /** Expects this use in every place, once all is written. */
    async used(amount: number) {
      const stored = () =>
        sql.query(
          `select coalesce(sum((quantities->>'audio_seconds')::numeric), 0)::float8 as amount from usage_events
            where organization_id = $1`,
          [organizationId],
        )
      await eventually(stored, ([row]) => row?.amount === amount)
      const { audio_seconds } = (await get('/quotas')).meters
      const { totals } = await get('/usage/summary')
      const { limits } = (await verify(key, { cost: 0 })).body
      const places = [audio_seconds.used, totals.quantities.audio_seconds, 100 - limits.audio.remaining]
      expect(places.map((place) => place.toFixed(6))).toEqual(places.map(() => amount.toFixed(6)))
    },
  }
}

test.each([
  [1.0005, 1.001],
  [1.0004999, 1],
  [1.23456789, 1.235],
  [0.1 + 0.2, 0.3],
  [1e-100, 0],
])('%d of a meter with three decimals is %d, reported', async (sent, counted) => {
  const { key_id, used } = await world()
  const quantities = { audio_seconds: sent }
  expect(
    await report([
      { key_id, quantities: { audio_seconds: 1 } },
      { key_id, quantities },
    ]),
  ).toMatchObject({
    accepted: 2,
    rejected: [],
  })
  await used(Number((1 + counted).toFixed(3)))
})

test('a verification takes, and a settlement counts, the rounded amount', async () => {
  const { key, key_id, used } = await world()
  const taken = (await verify(key, { quantities: { audio_seconds: 2.0005 } })).body
  expect(taken).toMatchObject({ valid: true, quotas: { audio_seconds: { used: 2.001 } } })
  const { reservation_id, held } = await post('/reserve', { key_id, quantities: { audio_seconds: 5.00049 } })
  expect(held).toEqual({ audio_seconds: 5 })
  const settled = { reservation_id, quantities: { audio_seconds: 3.9995 } }
  expect(await post('/settle', settled)).toMatchObject({ outcome: 'settled' })
  expect(await post('/settle', settled)).toMatchObject({ outcome: 'duplicate' })
  await used(6.001)
})

test('a correction counts the rounded amount', async () => {
  const { key_id, organization_id, used } = await world()
  const id = crypto.randomUUID()
  await report([{ id, key_id, quantities: { audio_seconds: 9 } }])
  const corrected = await post('/corrections', {
    event_id: id,
    organization_id,
    quantities: { audio_seconds: 4.0005 },
    reason: 'Measured again',
  })
  expect(corrected).toMatchObject({ outcome: 'corrected', event: { quantities: { audio_seconds: 4.001 } } })
  await used(4.001)
})
