/** Limits of keys on meters, in calendar periods, of subjects and of concurrency, over the API. */
import { describe, expect, inject, test } from 'vitest'
import { administrator, call, newKeyHolder, setLimits, verify } from '../../support/http.ts'

const service = inject('credentials').service_key
const unique = () => crypto.randomUUID()
const reserve = async (body: object) => (await call('POST /api/v1/usage/reserve', { token: service, body })).body
const settle = async (body: object) => (await call('POST /api/v1/usage/settle', { token: service, body })).body
const report = (events: object[]) => call('POST /api/v1/usage', { token: service, body: { events } })
const fetchLimits = async (id: string, token: string) =>
  (await call(`GET /api/v1/auth/api-keys/${id}/limits`, { token })).body.limits

async function holderOf(limits: object[]) {
  const holder = await newKeyHolder({ limits })
  const { body } = await call(`GET /api/v1/auth/api-keys/${holder.keyId}`, { token: holder.token })
  return { ...holder, key_fields: body }
}

const TOKENS = { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 60 }
const BUDGET = { name: 'budget', meter: 'cost_usd', limit: '10.00', period: 'month' }
const IMAGES = { name: 'images', limit: 3, period: 'day', per: 'subject', cost: 0 }

describe('a limit on a meter', () => {
  test('is consumed by reservations: of 200 concurrent ones exactly as many are granted as fit', async () => {
    const { keyId: key_id, key } = await newKeyHolder({ limits: [TOKENS] })
    const held = await Promise.all(Array.from({ length: 200 }, () => reserve({ key_id, tokens: 40 })))
    const granted = held.filter((one) => one.granted)
    expect(granted).toHaveLength(25)
    expect(held.find((one) => !one.granted)).toMatchObject({
      code: 'RATE_LIMITED',
      refused_by: 'tokens',
      exceeded: { meter: 'tokens', requested: 40, limit: 1_000, used: 0, held: 1_000, remaining: 0 },
    })
    expect((await verify(key)).body).toMatchObject({ valid: false, code: 'RATE_LIMITED', refused_by: 'tokens' })
    const settled = granted.map(({ reservation_id }) => settle({ reservation_id, key_id, input_tokens: 10 }))
    expect((await Promise.all(settled)).every(({ released }) => released)).toBe(true)
    expect((await verify(key)).body).toMatchObject({
      valid: true,
      limits: { tokens: { limit: 1_000, held: 0, remaining: 750 } },
    })
  })

  test('counts reported usage of the key, each event once, and refuses what comes after', async () => {
    const { keyId: key_id, key, token } = await newKeyHolder({ limits: [TOKENS, BUDGET] })
    const event = { id: unique(), key_id, input_tokens: 600, output_tokens: 100, cost_usd: '9.999999999' }
    await Promise.all(Array.from({ length: 5 }, () => report([event, event])))
    expect(await fetchLimits(key_id, token)).toMatchObject({
      tokens: { remaining: 300 },
      budget: { limit: '10.000000', remaining: '0.000000001' },
    })
    expect((await verify(key)).body.valid).toBe(true)
    await report([{ id: unique(), key_id, cost_usd: '0.000000001' }])
    const refused = (await verify(key)).body
    expect(refused).toMatchObject({ code: 'RATE_LIMITED', status: 429, refused_by: 'budget' })
    const now = new Date()
    const end = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)
    expect(Math.abs(refused.retry_after - (end - Date.now()) / 1_000)).toBeLessThan(10)
    expect(refused.limits.budget.resets_at).toBe(new Date(end).toISOString())
  })

  test('counts a settlement by its reservation, even if it names no key, and kinds of which nothing was held', async () => {
    const { keyId: key_id, token } = await newKeyHolder({
      limits: [TOKENS, { name: 'output', meter: 'output_tokens', limit: 100, period: 'hour' }],
    })
    const { reservation_id } = await reserve({ key_id, input_tokens: 500 })
    await settle({ reservation_id, input_tokens: 30, output_tokens: 20 })
    expect(await settle({ reservation_id, input_tokens: 30, output_tokens: 20 })).toMatchObject({
      outcome: 'duplicate',
      released: false,
    })
    expect(await fetchLimits(key_id, token)).toMatchObject({
      tokens: { remaining: 950, held: 0 },
      output: { remaining: 80 },
    })
  })

  test('frees what a canceled reservation held', async () => {
    const { keyId: key_id, token } = await newKeyHolder({ limits: [TOKENS] })
    const { reservation_id } = await reserve({ key_id, tokens: 500 })
    await settle({ reservation_id, cancel: true })
    expect(await fetchLimits(key_id, token)).toMatchObject({ tokens: { remaining: 1_000, held: 0 } })
  })

  test('says when an estimate can never fit', async () => {
    const { keyId: key_id } = await newKeyHolder({ limits: [TOKENS] })
    expect(await reserve({ key_id, tokens: 1_001 })).toMatchObject({
      granted: false,
      refused_by: 'tokens',
      never_fits: true,
      retry_after: null,
      exceeded: { resets_at: null },
    })
    expect(await reserve({ key_id, tokens: 1_000 })).toMatchObject({ granted: true })
  })

  test('and the quota are consumed together or not at all', async () => {
    const { keyId: key_id, organizationId, token } = await newKeyHolder({ limits: [TOKENS] })
    await setLimits(organizationId, { tokens: 100 })
    expect(await reserve({ key_id, tokens: 101 })).toMatchObject({ granted: false, code: 'QUOTA_EXCEEDED' })
    expect(await fetchLimits(key_id, token)).toMatchObject({ tokens: { remaining: 1_000 } })
  })

  test('stays with a rotated key: a new secret is not a new allowance', async () => {
    const { keyId: key_id, token } = await newKeyHolder({ limits: [TOKENS, BUDGET], max_concurrent: 2 })
    await reserve({ key_id, tokens: 400, cost_usd: '2.50' })
    await report([{ id: unique(), key_id, input_tokens: 100 }])
    const { body: next } = await call(`POST /api/v1/auth/api-keys/${key_id}/rotate`, { token, body: {} })
    expect(next).toMatchObject({ limits: [TOKENS, { ...BUDGET, limit: '10.000000' }], max_concurrent: 2 })
    expect(await fetchLimits(next.id, token)).toMatchObject({
      tokens: { remaining: 500, held: 400 },
      budget: { remaining: '7.500000' },
    })
    expect(await reserve({ key_id: next.id, slots: 1 })).toMatchObject({ granted: true })
    expect(await reserve({ key_id: next.id, slots: 1 })).toMatchObject({ code: 'CONCURRENCY_EXCEEDED' })
  })
})

describe('a limit of each subject', () => {
  test('belongs to each one, including the subject without a name, and rotation keeps it', async () => {
    const { keyId: key_id, key, token } = await newKeyHolder({ limits: [IMAGES], custom_rate_limit: 60 })
    const take = (secret: string, subject?: string) =>
      verify(secret, { limits: { images: 1 }, ...(subject && { subject }) })
    const asked = await Promise.all(Array.from({ length: 10 }, () => take(key, 'ada')))
    expect(asked.filter(({ body }) => body.valid)).toHaveLength(3)
    expect(asked.find(({ body }) => !body.valid)?.body).toMatchObject({ code: 'RATE_LIMITED', refused_by: 'images' })
    expect((await take(key, 'bob')).body).toMatchObject({ valid: true, limits: { images: { remaining: 2 } } })
    expect((await take(key)).body).toMatchObject({ valid: true, limits: { images: { remaining: 2 } } })
    expect((await take(key)).body).toMatchObject({ valid: true, limits: { images: { remaining: 1 } } })
    const { body: next } = await call(`POST /api/v1/auth/api-keys/${key_id}/rotate`, { token, body: {} })
    expect((await take(next.key, 'ada')).body.valid).toBe(false)
    expect((await take(next.key, 'bob')).body).toMatchObject({ limits: { images: { remaining: 1 } } })
  })

  test('of a meter counts what is reserved, settled and reported for that subject', async () => {
    const perSubject = { name: 'each', meter: 'tokens', limit: 100, window_seconds: 3_600, per: 'subject' }
    const { keyId: key_id, key } = await newKeyHolder({ limits: [perSubject] })
    const { reservation_id } = await reserve({ key_id, subject: 'ada', tokens: 60 })
    expect(await reserve({ key_id, subject: 'ada', tokens: 41 })).toMatchObject({ granted: false, refused_by: 'each' })
    expect(await reserve({ key_id, subject: 'bob', tokens: 41 })).toMatchObject({ granted: true })
    await settle({ reservation_id, input_tokens: 10 })
    await report([{ id: unique(), key_id, subject: 'ada', input_tokens: 20 }])
    const left = async (subject: string) => (await verify(key, { subject })).body.limits.each.remaining
    expect([await left('ada'), await left('bob'), await left('carol')]).toEqual([70, 59, 100])
  })
})

describe('max_concurrent', () => {
  test('admits exactly N of 200 concurrent ones, and one more once one of them ends', async () => {
    const { keyId: key_id } = await newKeyHolder({ max_concurrent: 7 })
    const asked = await Promise.all(
      Array.from({ length: 200 }, (_, at) => reserve({ key_id, slots: 1, expires_in_seconds: 60 + at })),
    )
    const open = asked.filter(({ granted }) => granted)
    expect(open).toHaveLength(7)
    const refused = asked.find(({ granted }) => !granted)
    expect(refused).toMatchObject({ code: 'CONCURRENCY_EXCEEDED', refused_by: 'max_concurrent', exceeded: { held: 7 } })
    const first = Math.min(...open.map(({ expires_at }) => Date.parse(expires_at)))
    const last = await reserve({ key_id, slots: 1 })
    expect(Math.abs(Date.parse(last.exceeded.resets_at) - first)).toBeLessThan(1_000)
    await settle({ reservation_id: open[0].reservation_id, cancel: true })
    expect(await reserve({ key_id, queries: 1 })).toMatchObject({ granted: true })
    expect(await reserve({ key_id, queries: 1 })).toMatchObject({ code: 'CONCURRENCY_EXCEEDED' })
  })

  test('of an organization binds all its keys together', async () => {
    const { keyId: key_id, organizationId: organization_id } = await newKeyHolder()
    await setLimits(organization_id, { max_concurrent: 2 })
    expect(await reserve({ key_id, slots: 1 })).toMatchObject({ granted: true })
    expect(await reserve({ organization_id, slots: 1 })).toMatchObject({ granted: true })
    expect(await reserve({ key_id, slots: 1 })).toMatchObject({ code: 'CONCURRENCY_EXCEEDED' })
    await setLimits(organization_id, { max_concurrent: null })
    expect(await reserve({ key_id, slots: 1 })).toMatchObject({ granted: true })
  })
})

describe('invalid limits name the field', () => {
  const { name, meter, limit } = TOKENS
  test.each([
    [{ name, meter, limit }, 'limits.0.window_seconds'],
    [{ ...TOKENS, period: 'day' }, 'limits.0.period'],
    [{ ...BUDGET, period: 'year' }, 'limits.0.period'],
    [{ ...TOKENS, window_seconds: 0 }, 'limits.0.window_seconds'],
    [{ ...TOKENS, meter: 'nonsense' }, 'limits.0.meter'],
    [{ ...TOKENS, limit: 0 }, 'limits.0.limit'],
    [{ ...TOKENS, limit: '5' }, 'limits.0.limit'],
    [{ ...TOKENS, limit: 1.5 }, 'limits.0.limit'],
    [{ ...BUDGET, limit: '0' }, 'limits.0.limit'],
    [{ ...BUDGET, limit: 'ten' }, 'limits.0.limit'],
    [{ ...BUDGET, limit: null }, 'limits.0.limit'],
    [{ ...TOKENS, cost: 1 }, 'limits.0.cost'],
    [{ ...TOKENS, per: 'user' }, 'limits.0.per'],
    [{ ...TOKENS, name: 'max_concurrent' }, 'limits.0.name'],
  ])('%j: %s', async (wrong, path) => {
    const { token, keyId } = await newKeyHolder()
    for (const line of ['POST /api/v1/auth/api-keys', `PATCH /api/v1/auth/api-keys/${keyId}`]) {
      const { status, body } = await call(line, { token, body: { name: 'x', limits: [wrong] } })
      expect([status, body.errors?.map((error: { path: string }) => error.path)]).toEqual([400, [`body.${path}`]])
    }
  })

  test('max_concurrent: 0, and a subject of 129 characters', async () => {
    const { token, key, keyId: key_id } = await newKeyHolder()
    const pathsOf = ({ body }: { body: any }) => body.errors?.map((error: { path: string }) => error.path)
    const body = { name: 'x', max_concurrent: 0 }
    expect(pathsOf(await call('POST /api/v1/auth/api-keys', { token, body }))).toEqual(['body.max_concurrent'])
    const subject = 'x'.repeat(129)
    expect(pathsOf(await verify(key, { subject }))).toEqual(['body.subject'])
    const asked = { token: service, body: { key_id, subject, queries: 1 } }
    expect(pathsOf(await call('POST /api/v1/usage/reserve', asked))).toEqual(['body.subject'])
    expect((await report([{ key_id, subject }])).body.rejected[0].detail).toMatch(/^subject/)
    expect((await verify(key, { subject: 'x'.repeat(128) })).body.valid).toBe(true)
  })
})

describe('a limit of a meter of your own', () => {
  test('counts its decimals, and what is verified, reserved, settled and reported', async () => {
    const slug = `audio_${unique().replaceAll('-', '').slice(0, 20)}`
    const token = await administrator()
    const meter = { slug, name: 'Audio', unit: 'seconds', kind: 'counter', scale: 1 }
    expect((await call('POST /api/v1/admin/meters', { token, body: meter })).status).toBe(201)
    const limit = { name: 'audio', meter: slug, limit: 10.5, period: 'day' }
    const { keyId: key_id, key, key_fields } = await holderOf([limit])
    expect(key_fields.limits).toEqual([limit])
    const taken = (await verify(key, { quantities: { [slug]: 2.5 } })).body
    expect(taken.limits.audio).toMatchObject({ meter: slug, limit: 10.5, remaining: 8 })
    const { reservation_id } = await reserve({ key_id, quantities: { [slug]: 6 } })
    expect(await reserve({ key_id, quantities: { [slug]: 2.1 } })).toMatchObject({
      code: 'RATE_LIMITED',
      exceeded: { meter: slug, requested: 2.1, held: 6, remaining: 2 },
    })
    await settle({ reservation_id, quantities: { [slug]: 1.5 } })
    await report([{ id: unique(), key_id, quantities: { [slug]: 6 } }])
    expect((await verify(key, { quantities: { [slug]: 0.6 } })).body).toMatchObject({ refused_by: 'audio' })
    expect((await verify(key, { quantities: { [slug]: 0.5 } })).body.valid).toBe(true)
    expect((await verify(key)).body).toMatchObject({ code: 'RATE_LIMITED', refused_by: 'audio' })
  })

  test('is refused by name if the meter is unknown or has other decimals', async () => {
    const { token } = await newKeyHolder()
    const wrong = { name: 'x', limits: [TOKENS, { name: 'none', meter: 'no_such_meter', limit: 1, period: 'day' }] }
    const { body } = await call('POST /api/v1/auth/api-keys', { token, body: wrong })
    expect(body.errors).toMatchObject([{ path: 'body.limits.1.meter' }])
  })
})

describe('limits of a plan', () => {
  test('bind every key of its organizations, and a key`s own by that name applies only where it is as tight', async () => {
    const token = await administrator()
    const id = `plan${unique().slice(0, 8)}`
    const limits = {
      rate_limit_per_minute: 100,
      max_api_keys: 10,
      meters: {},
      key_limits: [TOKENS, BUDGET],
      key_max_concurrent: 2,
      max_concurrent: 3,
    }
    const made = await call('POST /api/v1/admin/plans', {
      token,
      body: { id, name: 'Limited', prices: [{ interval: 'month', currency: 'usd', amount_cents: 0 }], limits },
    })
    expect(made.body.limits).toEqual({ ...limits, key_limits: [TOKENS, { ...BUDGET, limit: '10.000000' }] })
    const holder = await newKeyHolder({
      limits: [
        { ...TOKENS, limit: 500 },
        { ...BUDGET, limit: '20' },
      ],
    })
    await call(`PUT /api/v1/admin/organizations/${holder.organizationId}/plan`, { token, body: { plan: id } })
    const first = await fetchLimits(holder.keyId, holder.token)
    expect(first).toMatchObject({ tokens: { limit: 500 }, budget: { limit: '10.000000' } })
    expect(await reserve({ key_id: holder.keyId, tokens: 501 })).toMatchObject({ refused_by: 'tokens' })
    for (const granted of [true, true, false])
      expect(await reserve({ key_id: holder.keyId, slots: 1 })).toMatchObject({ granted })
    await call(`PATCH /api/v1/admin/plans/${id}`, {
      token,
      body: { limits: { key_limits: [], key_max_concurrent: null } },
    })
    expect(await fetchLimits(holder.keyId, holder.token)).toMatchObject({ budget: { limit: '20.000000' } })
    for (const granted of [true, false])
      expect(await reserve({ key_id: holder.keyId, slots: 1 })).toMatchObject({ granted })
  })
})

describe('a key', () => {
  test('that is changed has its new limits at once, in reservations too', async () => {
    const { keyId: key_id, token } = await newKeyHolder({ limits: [TOKENS] })
    await reserve({ key_id, tokens: 100 })
    const body = { limits: [{ ...TOKENS, limit: 150 }] }
    await call(`PATCH /api/v1/auth/api-keys/${key_id}`, { token, body })
    expect(await reserve({ key_id, tokens: 51 })).toMatchObject({ granted: false, refused_by: 'tokens' })
    expect(await reserve({ key_id, tokens: 50 })).toMatchObject({ granted: true })
  })
})
