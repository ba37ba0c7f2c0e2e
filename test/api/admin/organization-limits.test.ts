/** Limits of an organization, as plans and administrators set them. */
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { newPricedHolder } from '../../support/call-prices.ts'
import { defineMeters } from '../../support/custom-meters.ts'
import { administrator, call, newKeyHolder, setLimits, verify } from '../../support/http.ts'

const service = inject('credentials').service_key
const BURST = { name: 'burst', limit: 5, window_seconds: 60, cost: 1 }
const TOKENS = { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 60 }
const BUDGET = { name: 'budget', meter: 'cost_usd', limit: '500.00', period: 'day' }

beforeAll(defineMeters)

describe('a plan', () => {
  test('limits each of its organizations; an organization’s own limit replaces the one of the same name', async () => {
    const { key, created, organizationId, changePlan } = await newPricedHolder(null, undefined, {
      organization_limits: [BURST, BUDGET],
    })
    expect(created.limits.organization_limits).toEqual([BURST, { ...BUDGET, limit: '500.000000' }])
    expect((await verify(key)).body.limits).toMatchObject({
      'organization:burst': { limit: 5, remaining: 4 },
      'organization:budget': { limit: '500.000000' },
    })
    const own = [{ ...BURST, limit: 9 }, TOKENS]
    expect((await setLimits(organizationId, { organization_limits: own })).body.organization_limits).toMatchObject([
      { name: 'budget', limit: '500.000000', used: '0.000000' },
      { name: 'burst', meter: 'requests', limit: 9, used: 1, held: 0, remaining: 8 },
      { name: 'tokens', limit: 1_000 },
    ])
    expect((await verify(key)).body.limits).toMatchObject({
      'organization:burst': { limit: 9, remaining: 7 },
      'organization:tokens': { remaining: 1_000 },
    })
    const token = await administrator()
    const read = async () => (await call(`GET /api/v1/admin/organizations/${organizationId}`, { token })).body
    expect((await read()).limit_overrides.organization_limits).toEqual([{ ...BURST, limit: 9 }, TOKENS])
    await changePlan({ limits: { organization_limits: [{ ...BURST, limit: 1 }] } })
    expect(Object.keys((await verify(key)).body.limits)).toEqual(['organization:burst', 'organization:tokens'])
    await setLimits(organizationId, { organization_limits: null })
    expect((await verify(key)).body).toMatchObject({ refused_by: 'organization:burst', limits: {} })
    expect((await read()).limit_overrides).not.toHaveProperty('organization_limits')
    await setLimits(organizationId, { organization_limits: own })
    expect((await verify(key)).body).toMatchObject({ valid: true })
    await setLimits(organizationId, { organization_limits: [] })
    expect((await read()).limit_overrides).not.toHaveProperty('organization_limits')
    await changePlan({ limits: { organization_limits: [] } })
    expect((await verify(key)).body).not.toHaveProperty('limits')
  })

  test('shows its limits in the catalog', async () => {
    const token = await administrator()
    const body = {
      id: `shown-${crypto.randomUUID().slice(0, 8)}`,
      name: 'Shown',
      prices: [],
      limits: { rate_limit_per_minute: 1, max_api_keys: 1, meters: {}, organization_limits: [BUDGET] },
    }
    await call('POST /api/v1/admin/plans', { token, body })
    const { data } = (await call('GET /api/v1/billing/plans')).body
    expect(data.find(({ id }: { id: string }) => id === body.id).organization_limits).toEqual([
      { ...BUDGET, limit: '500.000000' },
    ])
    await call(`PATCH /api/v1/admin/plans/${body.id}`, { token, body: { is_public: false } })
  })
})

describe('limits that cannot be', () => {
  const BAD: readonly (readonly [limits: readonly object[], path: string, message: RegExp])[] = [
    [[{ ...TOKENS, meter: 'tokenz' }], '.0.meter', /tokens/],
    [[{ ...TOKENS, meter: 'seats' }], '.0.meter', /gauge/],
    [[{ ...TOKENS, meter: 'images', limit: 0.5 }], '.0.limit', /whole number/],
    [[{ ...TOKENS, per: 'key' }], '.0.per', /key_limits/],
    [[{ ...TOKENS, period: 'day' }], '.0.period', /window_seconds/],
    [[{ ...TOKENS, name: 'organization:tokens' }], '.0.name', /lower-case/],
    [[TOKENS, { ...BURST, name: 'tokens' }], '', /different names/],
    [Array.from({ length: 11 }, (_, at) => ({ ...BURST, name: `limit${at}` })), '', /10/],
  ]

  test.each(BAD)(
    'are refused for an organization and for a plan, naming the field: %j',
    async (limits, path, message) => {
      const { organizationId } = await newKeyHolder()
      const token = await administrator()
      const plan = {
        id: `p${crypto.randomUUID().slice(0, 8)}`,
        name: 'Bad',
        prices: [],
        limits: { rate_limit_per_minute: 1, max_api_keys: 1, meters: {}, organization_limits: limits },
      }
      const refused = [
        ['body.organization_limits', await setLimits(organizationId, { organization_limits: limits })],
        ['body.limits.organization_limits', await call('POST /api/v1/admin/plans', { token, body: plan })],
      ] as const
      for (const [field, { status, body }] of refused)
        expect({ status, errors: body.errors }).toEqual({
          status: 400,
          errors: [{ path: `${field}${path}`, message: expect.stringMatching(message) }],
        })
    },
  )
})

test('a meter with a limit of an organization is not deleted', async () => {
  const token = await administrator()
  const slug = `m${crypto.randomUUID().replaceAll('-', '').slice(0, 8)}`
  await call('POST /api/v1/admin/meters', { token, body: { slug, name: 'Pages', unit: 'pages', kind: 'counter' } })
  const { organizationId } = await newKeyHolder()
  const limits = [{ name: 'pages', meter: slug, limit: 5, period: 'day' }]
  expect((await setLimits(organizationId, { organization_limits: limits })).status).toBe(200)
  expect((await call(`DELETE /api/v1/admin/meters/${slug}`, { token })).status).toBe(409)
  await setLimits(organizationId, { organization_limits: null })
  expect((await call(`DELETE /api/v1/admin/meters/${slug}`, { token })).status).toBe(204)
})

test('a key created by a key inherits the limits of that key, not those of the organization', async () => {
  const holder = await newKeyHolder({ scopes: ['tollgate:keys:write'], limits: [TOKENS] })
  await setLimits(holder.organizationId, { organization_limits: [BURST, BUDGET] })
  const made = await call('POST /api/v1/auth/api-keys', { token: holder.key, body: { name: 'Child' } })
  expect(made.status).toBe(201)
  expect(made.body.limits).toEqual([TOKENS])
})

describe('quotas', () => {
  test('show how many reservations are open, and how many may be', async () => {
    const { token, organizationId, keyId: key_id } = await newKeyHolder()
    const quotas = async () => (await call('GET /api/v1/quotas', { token })).body
    expect(await quotas()).toMatchObject({ max_concurrent: null, organization_limits: [] })
    await setLimits(organizationId, { max_concurrent: 3 })
    expect((await quotas()).max_concurrent).toEqual({ limit: 3, open: 0 })
    const reserve = () => call('POST /api/v1/usage/reserve', { token: service, body: { key_id, slots: 1 } })
    const { body } = await reserve()
    await reserve()
    expect((await quotas()).max_concurrent).toEqual({ limit: 3, open: 2 })
    const { reservation_id } = body
    await call('POST /api/v1/usage/settle', { token: service, body: { reservation_id, cancel: true } })
    expect((await quotas()).max_concurrent).toEqual({ limit: 3, open: 1 })
  })

  test('describe a limit per subject, but not what is left of it', async () => {
    const { token, organizationId } = await newKeyHolder()
    const each = { name: 'each', meter: 'tokens', limit: 50, period: 'day', per: 'subject' }
    const { body } = await setLimits(organizationId, {
      organization_limits: [each, { ...TOKENS, per: 'organization' }],
    })
    const unknown = { used: null, held: null, remaining: null, resets_at: null }
    expect(body.organization_limits).toEqual([
      { ...each, ...unknown },
      { ...TOKENS, used: 0, held: 0, remaining: 1_000, resets_at: expect.any(String) },
    ])
    expect((await call('GET /api/v1/quotas', { token })).body.organization_limits).toHaveLength(2)
  })
})
