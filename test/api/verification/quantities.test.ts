import { beforeAll, describe, expect, inject, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call, eventually, newKeyHolder, setLimits, verify } from '../../support/http.ts'

beforeAll(defineMeters)

const service = inject('credentials').service_key
const PLENTY = { rate_limit_per_minute: 100_000, api_calls: 100_000 }

async function holderWith(meters: Record<string, number>) {
  const holder = await newKeyHolder()
  expect((await setLimits(holder.organizationId, { ...PLENTY, meters })).status).toBe(200)
  const quotas = async () => (await call('GET /api/v1/quotas', { token: holder.token })).body
  return { ...holder, quotas, meter: async (slug: string) => (await quotas()).meters[slug] }
}

const reserve = (body: object) => call('POST /api/v1/usage/reserve', { token: service, body })
const settle = (body: object) => call('POST /api/v1/usage/settle', { token: service, body })
const report = (events: readonly object[]) => call('POST /api/v1/usage', { token: service, body: { events } })

describe('a verification that takes from a meter of one’s own', () => {
  test('consumes its quota and returns what is left', async () => {
    const { key, meter } = await holderWith({ images: 10 })
    const { body } = await verify(key, { quantities: { images: 3 } })
    expect(body).toMatchObject({ valid: true, quotas: { images: { limit: 10, used: 3, held: 0, remaining: 7 } } })
    expect(await meter('images')).toMatchObject({ limit: 10, used: 3, remaining: 7, percent: 30 })
  })

  test('is refused for a built-in meter, which has its own field', async () => {
    const { key } = await holderWith({})
    const { status, body } = await verify(key, { quantities: { tokens: 3 } })
    expect(status).toBe(400)
    expect(body.errors).toEqual([{ path: 'body.quantities.tokens', message: 'is built in: it has a field of its own' }])
  })

  test('is counted without a limit as well', async () => {
    const { key, meter } = await holderWith({})
    const { body } = await verify(key, { quantities: { images: 3, audio_seconds: 12.125 } })
    expect(body.quotas).toMatchObject({
      images: { limit: null, used: 3, remaining: null },
      audio_seconds: { limit: null, used: 12.125 },
    })
    expect(await meter('audio_seconds')).toMatchObject({ limit: null, used: 12.125 })
  })

  test('consumes all or nothing: above a limit nothing is taken from any meter', async () => {
    const { key, quotas } = await holderWith({ images: 10 })
    await verify(key, { quantities: { images: 8 } })
    const { body } = await verify(key, { quantities: { images: 3, audio_seconds: 1 } })
    expect(body).toMatchObject({ valid: false, code: 'QUOTA_EXCEEDED', status: 429, refused_by: 'images' })
    expect(body.never_fits).toBeUndefined()
    const { meters } = await quotas()
    expect(meters).toMatchObject({ images: { used: 8 }, audio_seconds: { used: 0 }, api_calls: { used: 1 } })
  })

  test.each([
    [9, true],
    [10, true],
    [11, false],
  ])('consumes %i of the 10 that are left: %s', async (images, valid) => {
    const { key } = await holderWith({ images: 10 })
    expect((await verify(key, { quantities: { images } })).body.valid).toBe(valid)
  })

  test('says so if the amount can never fit', async () => {
    const { key } = await holderWith({ images: 10 })
    const { body } = await verify(key, { quantities: { images: 11 } })
    expect(body).toMatchObject({ code: 'QUOTA_EXCEEDED', refused_by: 'images', never_fits: true, retry_after: null })
  })

  test('is valid 33 times of fifty at once, for three images each out of a hundred', async () => {
    const { key, organizationId, meter } = await holderWith({ images: 100 })
    const answers = await Promise.all(Array.from({ length: 50 }, () => verify(key, { quantities: { images: 3 } })))
    expect(answers.filter(({ body }) => body.valid)).toHaveLength(33)
    expect(await meter('images')).toMatchObject({ used: 99, remaining: 1 })
    const written = async () => {
      const [row] = await directly().sql.query(
        `select amount::float8 as amount, even_amount::float8 as even from usage_meter_periods where organization_id = $1 and meter = 'images'`,
        [organizationId],
      )
      return row
    }
    expect(await eventually(written, (row) => row?.amount === 99)).toEqual({ amount: 99, even: 99 })
  })

  test('counts once, however often its idempotency key arrives', async () => {
    const { key, meter } = await holderWith({ images: 10 })
    const once = { quantities: { images: 3 }, idempotency_key: crypto.randomUUID() }
    for (let times = 0; times < 3; times++) expect((await verify(key, once)).body.valid).toBe(true)
    expect(await meter('images')).toMatchObject({ used: 3 })
    const { status, body } = await verify(key, { ...once, quantities: { images: 4 } })
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'idempotency_key_reused' })
  })

  test.each([
    [{ imagez: 3 }, 'body.quantities.imagez', 'unknown meter `imagez`; did you mean `images`?'],
    [{ seats: 1 }, 'body.quantities.seats', 'is a gauge: report its reading in a usage event'],
    [{ images: 1_000_000_000_001 }, 'body.quantities.images', 'must be at most 1000000000000'],
  ])('is refused with %j, naming the field', async (quantities, path, message) => {
    const { key, quotas } = await holderWith({})
    const { status, body } = await verify(key, { quantities })
    expect({ status, errors: body.errors }).toEqual({ status: 400, errors: [{ path, message }] })
    expect((await quotas()).meters.api_calls.used).toBe(0)
  })

  test('accepts no negative amounts', async () => {
    const { key } = await holderWith({})
    const { status, body } = await verify(key, { quantities: { images: -1 } })
    expect(status).toBe(400)
    expect(body.errors).toMatchObject([{ path: 'body.quantities.images' }])
  })

  test('with cost 0 is refused: it consumes nothing', async () => {
    const { key } = await holderWith({})
    const { body } = await verify(key, { cost: 0, quantities: { images: 1 } })
    expect(body.errors).toMatchObject([{ path: 'body.quantities.images' }])
    expect((await verify(key, { cost: 0, quantities: { images: 0 } })).body.valid).toBe(true)
  })

  test('knows a meter that was created a moment ago, though the key is cached', async () => {
    const { key } = await holderWith({})
    const slug = `m${crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`
    expect((await verify(key)).body.valid).toBe(true)
    expect((await verify(key, { quantities: { [slug]: 1 } })).status).toBe(400)
    const token = await administrator()
    await call('POST /api/v1/admin/meters', { token, body: { slug, name: 'New', unit: 'times', kind: 'counter' } })
    expect((await verify(key, { quantities: { [slug]: 1 } })).body).toMatchObject({ valid: true })
    expect((await call(`DELETE /api/v1/admin/meters/${slug}`, { token })).status).toBeGreaterThan(200)
  })
})

describe('a used-up meter of one’s own', () => {
  test('refuses every verification, like a built-in one, until its limit is raised', async () => {
    const { key, organizationId } = await holderWith({ images: 3 })
    await verify(key, { quantities: { images: 3 } })
    expect((await verify(key)).body).toMatchObject({ code: 'QUOTA_EXCEEDED', refused_by: 'images' })
    await setLimits(organizationId, { meters: { images: 4 } })
    expect((await verify(key)).body.valid).toBe(true)
    await setLimits(organizationId, { meters: { images: null } })
    expect((await verify(key, { quantities: { images: 90 } })).body.valid).toBe(true)
  })
})

describe('a reservation of a meter of one’s own', () => {
  test('holds the amount, and settling counts the actual use', async () => {
    const { keyId, meter } = await holderWith({ images: 10, audio_seconds: 2.5 })
    const { body } = await reserve({ key_id: keyId, quantities: { images: 4, audio_seconds: 1.5 } })
    expect(body).toMatchObject({
      granted: true,
      held: { images: 4, audio_seconds: 1.5 },
      quotas: { images: { limit: 10, used: 0, held: 4, remaining: 6 }, audio_seconds: { held: 1.5, remaining: 1 } },
    })
    expect(await meter('images')).toMatchObject({ used: 0, held: 4, remaining: 6 })
    const settled = await settle({ reservation_id: body.reservation_id, quantities: { images: 2 } })
    expect(settled.body).toMatchObject({ outcome: 'settled', released: true })
    expect(await meter('images')).toMatchObject({ used: 2, held: 0, remaining: 8 })
    expect(await meter('audio_seconds')).toMatchObject({ used: 0, held: 0 })
  })

  test('is granted 33 times of fifty at once, for three images each out of a hundred', async () => {
    const { keyId, meter } = await holderWith({ images: 100 })
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => reserve({ key_id: keyId, quantities: { images: 3 } })),
    )
    const granted = answers.filter(({ body }) => body.granted)
    expect(granted).toHaveLength(33)
    for (const { body } of granted) expect(body.held).toEqual({ images: 3 })
    for (const { body } of answers.filter(({ body }) => !body.granted))
      expect(body.exceeded).toMatchObject({ meter: 'images', requested: 3 })
    expect(await meter('images')).toMatchObject({ used: 0, held: 99, remaining: 1 })
  })

  test('that asks for more than is left is not granted', async () => {
    const { keyId } = await holderWith({ images: 10 })
    const { body } = await reserve({ key_id: keyId, quantities: { images: 11 } })
    expect(body).toMatchObject({
      granted: false,
      code: 'QUOTA_EXCEEDED',
      never_fits: true,
      exceeded: { meter: 'images', requested: 11, limit: 10, used: 0, resets_at: null },
    })
  })

  test('and a verification share one quota', async () => {
    const { key, keyId } = await holderWith({ images: 10 })
    await reserve({ key_id: keyId, quantities: { images: 6 } })
    const taken = async (images: number) => (await verify(key, { quantities: { images } })).body.valid
    expect(await taken(5)).toBe(false)
    expect(await taken(4)).toBe(true)
  })

  test('of a gauge checks whether the amount can be added to its latest reading', async () => {
    const { keyId, meter } = await holderWith({ seats: 5 })
    await report([{ key_id: keyId, quantities: { seats: 4 } }])
    expect(await meter('seats')).toMatchObject({ limit: 5, used: 4 })
    expect((await reserve({ key_id: keyId, quantities: { seats: 2 } })).body).toMatchObject({ granted: false })
    expect((await reserve({ key_id: keyId, quantities: { seats: 1 } })).body).toMatchObject({ granted: true })
    await report([{ key_id: keyId, quantities: { seats: 1 } }])
    expect((await reserve({ key_id: keyId, quantities: { seats: 2 } })).body).toMatchObject({ granted: true })
  })

  test.each([
    [{ imagez: 3 }, 'unknown meter `imagez`; did you mean `images`?', 'imagez'],
    [{ images: 1_000_000_000_001 }, 'must be at most 1000000000000', 'images'],
  ])('and its settlement are refused with %j, which names the field', async (quantities, message, slug) => {
    const { keyId } = await holderWith({})
    const errors = [{ path: `body.quantities.${slug}`, message }]
    expect((await reserve({ key_id: keyId, quantities })).body).toMatchObject({ status: 400, errors })
    const { body } = await reserve({ key_id: keyId, api_calls: 1 })
    expect((await settle({ reservation_id: body.reservation_id, quantities })).body).toMatchObject({
      status: 400,
      errors,
    })
  })
})

describe('reported amounts of a meter of one’s own', () => {
  test('count once per event, and are rejected one by one', async () => {
    const { key, keyId, meter } = await holderWith({ images: 10 })
    const id = crypto.randomUUID()
    const events = [
      { id, key_id: keyId, quantities: { images: 2, audio_seconds: 0.1 } },
      { id, key_id: keyId, quantities: { images: 2, audio_seconds: 0.1 } },
      { id, key_id: keyId, quantities: { images: 5 } },
      { id: 'typo', key_id: keyId, quantities: { imagez: 5 } },
      { key_id: keyId, quantities: { images: 1e13 } },
      { key_id: keyId, quantities: { audio_seconds: 0.2 } },
    ]
    const { body } = await report(events)
    expect(body).toMatchObject({ accepted: 2, duplicates: 1, conflicts: [{ index: 2, id }] })
    expect(body.rejected).toMatchObject([
      { index: 3, id: 'typo', detail: 'quantities.imagez: unknown meter `imagez`; did you mean `images`?' },
      { index: 4, code: 'invalid_event', detail: 'quantities.images: must be at most 1000000000000' },
    ])
    expect(await meter('images')).toMatchObject({ used: 2 })
    expect(await meter('audio_seconds')).toMatchObject({ used: 0.3 })
    expect((await verify(key, { quantities: { images: 9 } })).body.refused_by).toBe('images')
    expect((await verify(key, { quantities: { images: 8 } })).body.valid).toBe(true)
  })

  test('arrive as CloudEvents as well', async () => {
    const { keyId, meter } = await holderWith({})
    const event = {
      specversion: '1.0',
      id: '1',
      source: 'test',
      type: 'image',
      subject: keyId,
      data: { quantities: { images: 7 } },
    }
    const { body } = await call('POST /api/v1/usage', {
      token: service,
      body: JSON.stringify(event),
      headers: { 'Content-Type': 'application/cloudevents+json' },
    })
    expect(body).toMatchObject({ accepted: 1 })
    expect(await meter('images')).toMatchObject({ used: 7 })
  })

  test('refuse the next verification once they pass the limit', async () => {
    const { key, keyId } = await holderWith({ images: 10 })
    expect((await verify(key)).body.valid).toBe(true)
    await report([{ key_id: keyId, quantities: { images: 12 } }])
    expect((await verify(key)).body).toMatchObject({ code: 'QUOTA_EXCEEDED', refused_by: 'images' })
  })

  test('add to what verifications consume: neither hides the other', async () => {
    const { key, keyId, organizationId, meter } = await holderWith({ images: 100 })
    await Promise.all([
      ...Array.from({ length: 10 }, () => verify(key, { quantities: { images: 3 } })),
      ...Array.from({ length: 10 }, () => report([{ key_id: keyId, quantities: { images: 2 } }])),
    ])
    expect(await meter('images')).toMatchObject({ used: 50 })
    const written = async () =>
      directly().sql.query(
        `select amount::float8 as amount from usage_meter_periods where organization_id = $1 and meter = 'images'`,
        [organizationId],
      )
    await eventually(written, ([row]) => row?.amount === 50)
    expect(await meter('images')).toMatchObject({ used: 50 })
  })
})
