import { beforeAll, describe, expect, test } from 'vitest'
import { defineMeters } from '../../support/custom-meters.ts'
import { administrator, call, newKeyHolder, setLimits, verify } from '../../support/http.ts'

beforeAll(defineMeters)

describe('a plan', () => {
  const token = administrator()
  const plan = (meters: object, more: object = {}) => ({
    id: `p${crypto.randomUUID().slice(0, 8)}`,
    name: 'Own',
    prices: [{ interval: 'month', currency: 'usd', amount_cents: 100 }],
    is_public: false,
    limits: { rate_limit_per_minute: 100_000, max_api_keys: 5, meters },
    ...more,
  })

  test('limits a custom meter, and blocks or allows usage above the limit', async () => {
    const { key, organizationId, quotas } = await (async () => {
      const holder = await newKeyHolder()
      return { ...holder, quotas: async () => (await call('GET /api/v1/quotas', { token: holder.token })).body }
    })()
    const body = plan({ images: { limit: 5, at_limit: 'block' } })
    const made = await call('POST /api/v1/admin/plans', { token: await token, body })
    expect(made.body).toMatchObject({ limits: { meters: { images: { limit: 5, at_limit: 'block' } } } })
    const put = await call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, {
      token: await token,
      body: { plan: body.id, reason: 'As agreed' },
    })
    expect(put.status).toBeLessThan(300)
    expect((await verify(key, { quantities: { images: 6 } })).body).toMatchObject({ refused_by: 'images' })
    expect((await quotas()).meters.images).toMatchObject({ limit: 5, used: 0 })

    const changes = { limits: { meters: { images: { limit: 5, at_limit: 'allow' } } } }
    await call(`PATCH /api/v1/admin/plans/${body.id}`, { token: await token, body: changes })
    expect((await verify(key, { quantities: { images: 6 } })).body).toMatchObject({ valid: true })
    expect((await quotas()).meters.images).toMatchObject({ limit: 5, used: 6, remaining: 0, overage: 1 })
  })

  test.each([
    [{ imagez: { limit: 5, at_limit: 'block' } }, {}, 'body.limits.meters.imagez'],
    [{ api_call: { limit: 5, at_limit: 'block' } }, {}, 'body.limits.meters.api_call'],
    [{ constructor: { limit: 5, at_limit: 'block' } }, {}, 'body.limits.meters.constructor'],
    [{ toString: { limit: 5, at_limit: 'block' } }, {}, 'body.limits.meters.toString'],
    [{ ['__proto__']: { limit: 5, at_limit: 'block' } }, {}, 'body.limits.meters.__proto__'],
    [{ images: { limit: 0.5, at_limit: 'block' } }, {}, 'body.limits.meters.images.limit'],
    [{}, { overage: { imagez: { tiers: [{ up_to: null, unit_price_usd: '1' }] } } }, 'body.overage.imagez'],
    [{}, { overage: { seats: { tiers: [{ up_to: null, unit_price_usd: '1' }] } } }, 'body.overage.seats'],
  ])('is refused with %j and %j, naming the field', async (meters, more, path) => {
    const { status, body } = await call('POST /api/v1/admin/plans', { token: await token, body: plan(meters, more) })
    expect({ status, paths: body.errors.map((error: { path: string }) => error.path) }).toEqual({
      status: 400,
      paths: [path],
    })
  })
})

test('an organization’s own limit of an unknown meter is refused, naming the field', async () => {
  const { organizationId } = await newKeyHolder()
  const { status, body } = await setLimits(organizationId, { meters: { imagez: 5 } })
  expect({ status, path: body.errors[0].path }).toEqual({ status: 400, path: 'body.meters.imagez' })
  const fraction = await setLimits(organizationId, { meters: { images: 0.5 } })
  expect(fraction.body.errors).toEqual([{ path: 'body.meters.images', message: 'must be a whole number' }])
})

test('an organization’s own limits are shown with its other limits', async () => {
  const { organizationId } = await newKeyHolder()
  await setLimits(organizationId, { api_calls: 7, meters: { images: 5, audio_seconds: 1.5 } })
  await setLimits(organizationId, { meters: { audio_seconds: null } })
  const { body } = await call(`GET /api/v1/admin/organizations/${organizationId}`, { token: await administrator() })
  expect(body.limit_overrides).toEqual({ api_calls: 7, meters: { images: 5 } })
})

test('limits of built-in meters may be among those of custom meters, but not in both places', async () => {
  const { organizationId } = await newKeyHolder()
  const put = await setLimits(organizationId, { meters: { api_calls: 7, cost_usd: 1.5, images: 5 } })
  expect(put.status).toBe(200)
  const path = `/api/v1/admin/organizations/${organizationId}`
  const read = async () => (await call(`GET ${path}`, { token: await administrator() })).body.limit_overrides
  expect(await read()).toEqual({ api_calls: 7, cost_usd: '1.500000', meters: { images: 5 } })

  const twice = await setLimits(organizationId, { api_calls: 8, meters: { api_calls: 9 } })
  expect(twice).toMatchObject({ status: 400, body: { errors: [{ path: 'body.meters.api_calls' }] } })
  for (const meters of [{ rate_limit_per_minute: 5 }, { max_api_keys: 5 }, { tokens: 1.5 }, { tokens: -1 }])
    expect(await setLimits(organizationId, { meters })).toMatchObject({
      status: 400,
      body: { errors: [{ path: `body.meters.${Object.keys(meters)[0]}` }] },
    })
  expect((await setLimits(organizationId, { meters: { api_calls: null } })).status).toBe(200)
  expect(await read()).toEqual({ cost_usd: '1.500000', meters: { images: 5 } })
})
