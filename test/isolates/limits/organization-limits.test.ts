/** Limits of an organization: all its keys count together in them, and each subject across all keys. */
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { flushOrganization } from '../../support/flush.ts'
import { call, newKeyHolder, setLimits } from '../../support/http.ts'
import { countTrips, newIsolate } from '../../support/isolate.ts'

const token = inject('credentials').service_key
const unique = () => crypto.randomUUID()

const TOKENS = { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 60 }
const BUDGET = { name: 'budget', meter: 'cost_usd', limit: '10.00', period: 'day' }
const BURST = { name: 'burst', limit: 5, window_seconds: 60 }
const HOURLY = { name: 'hourly', limit: 1_000, period: 'hour' }

beforeAll(defineMeters)

/** An organization with these limits and two keys. */
async function begin(limits: readonly object[], ofKey: readonly object[] = []) {
  const holder = await newKeyHolder({ limits: ofKey })
  const { organizationId } = holder
  const { body: other } = await call('POST /api/v1/auth/api-keys', { token: holder.token, body: { name: 'Other' } })
  const set = await setLimits(organizationId, { rate_limit_per_minute: 100_000, organization_limits: limits })
  expect(set.status).toBe(200)
  const isolate = await newIsolate()
  onTestFinished(() => isolate.settled())
  const named = { organization_id: organizationId }
  return {
    ...holder,
    isolate,
    named,
    other: other.key as string,
    otherId: other.id as string,
    report: (fields: object) =>
      call('POST /api/v1/usage', { token, body: { events: [{ id: unique(), ...named, ...fields }] } }),
    quotas: async () => (await call('GET /api/v1/quotas', { token: holder.token })).body,
  }
}

describe('verifications', () => {
  test('of all keys consume units together, in one round trip, and a refusal consumes nothing of any limit', async () => {
    const ofKey = [
      { name: 'burst', limit: 4, window_seconds: 60 },
      { name: 'tokens', meter: 'tokens', limit: 500, window_seconds: 60 },
      { name: 'calls', meter: 'api_calls', limit: 100, period: 'hour' },
      { name: 'budget', meter: 'cost_usd', limit: '5.00', period: 'month' },
      { name: 'images', limit: 50, period: 'day', per: 'subject' },
    ]
    const { isolate, key, other } = await begin([BURST, HOURLY], ofKey)
    await isolate.verify(other)
    await isolate.verify(key, { cost: 0 })
    await isolate.settled()
    const trips = await countTrips(async () => {
      expect(await isolate.verify(key)).toMatchObject({
        valid: true,
        limits: {
          burst: { limit: 4, remaining: 3 },
          calls: { remaining: 99 },
          images: { remaining: 49 },
          'organization:burst': { limit: 5, remaining: 3 },
          'organization:hourly': { meter: 'requests', limit: 1_000, remaining: 998 },
        },
      })
    })
    expect(trips).toEqual({ sql: 0, redis: 1 })
    for (let at = 0; at < 3; at++) expect(await isolate.verify(other)).toMatchObject({ valid: true })
    const refused = await isolate.verify(key)
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', status: 429, refused_by: 'organization:burst' })
    expect(refused.retry_after).toBeGreaterThan(0)
    expect(refused.limits).toMatchObject({ burst: { remaining: 3 }, calls: { remaining: 99 } })
    expect(await isolate.verify(other)).toMatchObject({
      refused_by: 'organization:burst',
      limits: { 'organization:hourly': { remaining: 995 } },
    })
  })

  test('that name a limit consume the one of the key and the one of the organization', async () => {
    const exports = { name: 'exports', limit: 3, window_seconds: 3_600, cost: 0 }
    const { isolate, key, other } = await begin([{ ...exports, limit: 4 }], [exports])
    expect(await isolate.verify(key)).toMatchObject({
      limits: { exports: { remaining: 3 }, 'organization:exports': { remaining: 4 } },
    })
    expect(await isolate.verify(key, { limits: { exports: 2 } })).toMatchObject({
      limits: { exports: { remaining: 1 }, 'organization:exports': { remaining: 2 } },
    })
    expect(await isolate.verify(other, { limits: { exports: 2 } })).toMatchObject({ valid: true })
    expect(await isolate.verify(key, { limits: { exports: 1 } })).toMatchObject({ refused_by: 'organization:exports' })
    expect(await isolate.verify(other, { limits: { exports: 5 } })).toMatchObject({
      never_fits: true,
      retry_after: null,
    })
  })

  test('of one subject count together, whatever the key', async () => {
    const each = { name: 'each', limit: 2, period: 'day', per: 'subject' }
    const { isolate, key, other } = await begin([each])
    const ask = (which: string, subject?: string) => isolate.verify(which, subject === undefined ? {} : { subject })
    expect(await ask(key, 'ada')).toMatchObject({ limits: { 'organization:each': { remaining: 1 } } })
    expect(await ask(other, 'ada')).toMatchObject({ valid: true })
    expect(await ask(key, 'ada')).toMatchObject({ valid: false, refused_by: 'organization:each' })
    expect(await ask(other, 'bob')).toMatchObject({ limits: { 'organization:each': { remaining: 1 } } })
    expect(await ask(key)).toMatchObject({ limits: { 'organization:each': { remaining: 1 } } })
  })

  test('of 60 concurrent ones over two keys and two isolates pass exactly as often as there is room', async () => {
    const { isolate, key, other } = await begin([{ ...BURST, limit: 25 }])
    const second = await newIsolate()
    const asked = Array.from({ length: 60 }, (_, at) => (at % 2 ? isolate : second).verify(at % 3 ? key : other))
    expect((await Promise.all(asked)).filter(({ valid }) => valid)).toHaveLength(25)
    await second.settled()
  })
})

describe('reservations and reported use', () => {
  test('of keys and of the organization alone count together, and are held until they are settled or canceled', async () => {
    const { isolate, key, keyId, otherId, named, report, quotas } = await begin([TOKENS, BUDGET])
    const first = (await isolate.reserve({ key_id: keyId, tokens: 400 })) as { reservation_id: string }
    expect(first).toMatchObject({ granted: true, limits: { 'organization:tokens': { held: 400, remaining: 600 } } })
    const second = (await isolate.reserve({ ...named, tokens: 500 })) as { reservation_id: string }
    expect(second).toMatchObject({ granted: true, limits: { 'organization:tokens': { held: 900, remaining: 100 } } })
    expect(await isolate.reserve({ key_id: otherId, tokens: 101 })).toMatchObject({
      granted: false,
      code: 'RATE_LIMITED',
      refused_by: 'organization:tokens',
      exceeded: { meter: 'tokens', requested: 101, limit: 1_000, used: 0, held: 900, remaining: 100 },
    })
    await isolate.settle({ reservation_id: first.reservation_id, input_tokens: 300, cost_usd: '1.50' })
    await isolate.settle({ reservation_id: first.reservation_id, input_tokens: 300, cost_usd: '1.50' })
    await isolate.settle({ reservation_id: second.reservation_id, cancel: true })
    await report({ key_id: otherId, input_tokens: 100, cost_usd: '0.25' })
    await report({ output_tokens: 50, cost_usd: '0.25' })
    expect((await quotas()).organization_limits).toMatchObject([
      { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 60, used: 450, held: 0, remaining: 550 },
      { name: 'budget', meter: 'cost_usd', limit: '10.000000', period: 'day', used: '2.000000', remaining: '8.000000' },
    ])
    await report({ cost_usd: '8.00' })
    expect(await isolate.verify(key)).toMatchObject({ refused_by: 'organization:budget' })
  })

  test('without a key settle what they held, once, and expired holds are released', async () => {
    const { isolate, named, quotas } = await begin([TOKENS])
    const { reservation_id } = (await isolate.reserve({ ...named, tokens: 300 })) as { reservation_id: string }
    await isolate.reserve({ ...named, tokens: 200, expires_in_seconds: 1 })
    await isolate.settle({ reservation_id, input_tokens: 350 })
    await isolate.settle({ reservation_id, input_tokens: 350 })
    await expect
      .poll(async () => (await quotas()).organization_limits[0], { timeout: 5_000 })
      .toMatchObject({ held: 0 })
    expect((await quotas()).organization_limits[0]).toMatchObject({ used: 350, remaining: 650 })
  })

  test('hold the limit of the key and that of the organization by the same name separately', async () => {
    const { isolate, key, keyId } = await begin([TOKENS], [{ ...TOKENS, limit: 800 }])
    const { reservation_id } = (await isolate.reserve({ key_id: keyId, tokens: 500 })) as { reservation_id: string }
    await isolate.settle({ reservation_id, input_tokens: 200 })
    expect(await isolate.verify(key)).toMatchObject({
      limits: { tokens: { held: 0, remaining: 600 }, 'organization:tokens': { held: 0, remaining: 800 } },
    })
    expect(await isolate.reserve({ key_id: keyId, tokens: 601 })).toMatchObject({ refused_by: 'tokens' })
  })

  test('count as corrected, with and without a key', async () => {
    const { keyId, named, quotas } = await begin([TOKENS, BUDGET])
    const send = (event: object) => call('POST /api/v1/usage', { token, body: { events: [{ ...named, ...event }] } })
    const correct = (body: object) =>
      call('POST /api/v1/usage/corrections', { token, body: { ...named, reason: 'A mistake.', ...body } })
    const [one, two] = [unique(), unique()]
    await send({ id: one, key_id: keyId, input_tokens: 100, cost_usd: '1.00' })
    await send({ id: two, input_tokens: 200, cost_usd: '2.00' })
    expect((await correct({ event_id: one, void: true })).status).toBe(200)
    expect((await correct({ event_id: two, input_tokens: 50, cost_usd: '0.50' })).status).toBe(200)
    expect((await quotas()).organization_limits).toMatchObject([{ used: 50 }, { used: '0.500000' }])
  })
})

describe('after a flush of Redis', () => {
  test('every calendar limit continues from what Postgres has for all keys and without a key', async () => {
    const limits = [
      BUDGET,
      { name: 'day', meter: 'tokens', limit: 1_000, period: 'day' },
      { name: 'calls', meter: 'api_calls', limit: 100, period: 'hour' },
      { name: 'pictures', meter: 'images', limit: 60, period: 'month' },
      { name: 'each', meter: 'tokens', limit: 100, period: 'day', per: 'subject' },
    ]
    const { isolate, key, other, keyId, organizationId, named, report } = await begin(limits)
    await isolate.verify(key, { quantities: { images: 3 } })
    await isolate.verify(other, { cost: 4 })
    await isolate.settled()
    await report({ key_id: keyId, input_tokens: 60, cost_usd: '9.00', subject: 'ada' })
    await report({ input_tokens: 40, cost_usd: '0.50', subject: 'ada', quantities: { images: 2 } })
    await flushOrganization(isolate.deps(), organizationId)
    expect(await isolate.reserve({ ...named, cost_usd: 0.51 })).toMatchObject({ refused_by: 'organization:budget' })
    expect(await isolate.verify(key, { cost: 0 })).toMatchObject({
      limits: {
        'organization:budget': { remaining: '0.500000' },
        'organization:day': { remaining: 900 },
        'organization:calls': { remaining: 95 },
        'organization:pictures': { remaining: 55 },
        'organization:each': { remaining: 100 },
      },
    })
    expect(await isolate.verify(other, { subject: 'ada' })).toMatchObject({ refused_by: 'organization:each' })
  })
})

describe('the cost for organizations without them', () => {
  test('is zero: one round trip for a verification and for their quotas', async () => {
    const { isolate, key, organizationId } = await begin([])
    await isolate.verify(key)
    await isolate.settled()
    const trips = await countTrips(() => isolate.verify(key)) // on a slow machine its rows are reloaded in the background
    expect(trips.redis).toBe(1)
    const { readQuotas } = await import('../../../src/limits/quotas.ts')
    expect(await countTrips(() => readQuotas(isolate.deps(), organizationId))).toEqual({ sql: 1, redis: 1 })
  })
})
