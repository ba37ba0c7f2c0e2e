/** Limits of keys and of people behind them on meters of one's own. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { administrator, call, newKeyHolder, setLimits, verify } from '../../support/http.ts'

beforeAll(defineMeters)

const service = inject('credentials').service_key
const daily = { name: 'images', meter: 'images', limit: 50, period: 'day' }

async function holderWith(limits: readonly object[]) {
  const holder = await newKeyHolder({ limits })
  await setLimits(holder.organizationId, { rate_limit_per_minute: 100_000 })
  return holder
}

describe('a limit of a key on a meter of one’s own', () => {
  test('is consumed by verifications exactly: of 30 concurrent ones of three images each, 16 fit into 50', async () => {
    const { key, keyId, token } = await holderWith([daily])
    const answers = await Promise.all(Array.from({ length: 30 }, () => verify(key, { quantities: { images: 3 } })))
    const admitted = answers.filter(({ body }) => body.valid)
    expect(admitted).toHaveLength(16)
    const { body } = await verify(key, { quantities: { images: 3 } })
    expect(body).toMatchObject({ code: 'RATE_LIMITED', refused_by: 'images' })
    expect(body.limits.images).toMatchObject({ meter: 'images', limit: 50, remaining: 2 })
    expect((await verify(key, { quantities: { images: 2 } })).body.valid).toBe(true)
    const shown = await call(`GET /api/v1/auth/api-keys/${keyId}`, { token })
    expect(shown.body.limits).toEqual([daily])
  })

  test('counts per subject, including what is reserved, settled and reported', async () => {
    const limit = { name: 'audio', meter: 'audio_seconds', limit: 2.5, window_seconds: 3_600, per: 'subject' }
    const { key, keyId } = await holderWith([limit])
    const left = async (subject: string) =>
      (await verify(key, { cost: 0, subject })).body.limits.audio.remaining as number
    const reserved = await call('POST /api/v1/usage/reserve', {
      token: service,
      body: { key_id: keyId, subject: 'ada', quantities: { audio_seconds: 1.5 } },
    })
    expect(reserved.body).toMatchObject({ granted: true })
    expect([await left('ada'), await left('bob')]).toEqual([1, 2.5])
    const settled = await call('POST /api/v1/usage/settle', {
      token: service,
      body: { reservation_id: reserved.body.reservation_id, quantities: { audio_seconds: 0.5 } },
    })
    expect(settled.body).toMatchObject({ outcome: 'settled', released: true })
    expect(await left('ada')).toBe(2)
    const event = { key_id: keyId, subject: 'ada', quantities: { audio_seconds: 0.25 } }
    await call('POST /api/v1/usage', { token: service, body: { events: [event] } })
    expect(await left('ada')).toBe(1.75)
    expect((await verify(key, { subject: 'ada', quantities: { audio_seconds: 1.751 } })).body.valid).toBe(false)
    expect((await verify(key, { subject: 'ada', quantities: { audio_seconds: 1.75 } })).body.valid).toBe(true)
    expect(await left('bob')).toBe(2.5)
  })

  test('may come from the plan, for every key', async () => {
    const token = await administrator()
    const { key, organizationId } = await holderWith([])
    const id = `p${crypto.randomUUID().slice(0, 8)}`
    const limits = { rate_limit_per_minute: 1_000, max_api_keys: 5, meters: {}, key_limits: [{ ...daily, limit: 4 }] }
    const body = { id, name: 'Own', prices: [], is_public: false, limits }
    const made = await call('POST /api/v1/admin/plans', { token, body })
    expect(made.body.limits.key_limits).toEqual([{ ...daily, limit: 4 }])
    await call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, {
      token,
      body: { plan: id, reason: 'Agreed' },
    })
    expect((await verify(key, { quantities: { images: 5 } })).body).toMatchObject({ refused_by: 'images' })
    expect((await verify(key, { quantities: { images: 4 } })).body.valid).toBe(true)
  })

  test.each([
    [{ meter: 'imagez' }, 'body.limits.0.meter'],
    [{ meter: 'seats' }, 'body.limits.0.meter'],
    [{ limit: 1.5 }, 'body.limits.0.limit'],
    [{ limit: 0 }, 'body.limits.0.limit'],
    [{ cost: 2 }, 'body.limits.0.cost'],
  ])('is refused with %j, naming the field', async (fields, path) => {
    const { token, keyId } = await newKeyHolder()
    const limits = [{ ...daily, ...fields }]
    for (const line of ['POST /api/v1/auth/api-keys', `PATCH /api/v1/auth/api-keys/${keyId}`]) {
      const { status, body } = await call(line, {
        token,
        body: { ...(line.startsWith('POST') && { name: 'K' }), limits },
      })
      expect({ status, paths: body.errors?.map((one: { path: string }) => one.path) }).toEqual({
        status: 400,
        paths: [path],
      })
    }
  })
})
