import { expect, test } from 'vitest'
import { administrator, call } from '../../../support/http.ts'

const token = await administrator()
const limits = { rate_limit_per_minute: 1, max_api_keys: 1, meters: { api_calls: { limit: 10, at_limit: 'allow' } } }
const tier = (up_to: number | null, unit_price_usd = '0.000002') => ({ up_to, unit_price_usd })
const create = (overage: unknown, fields: object = {}) =>
  call('POST /api/v1/admin/plans', {
    token,
    body: {
      id: `over-${crypto.randomUUID().slice(0, 8)}`,
      name: 'Over',
      prices: [{ interval: 'month', currency: 'usd', amount_cents: 5 }],
      limits,
      is_public: false,
      overage,
      ...fields,
    },
  })

test("overage prices are set, merged by meter, removed, and shown to customers without the providers' ids", async () => {
  const priced = {
    tiers: [tier(1_000, '0.01'), tier(null, '0.000000000001')],
    polar_event: 'calls',
    stripe_meter: 'calls',
  }
  const { status, body } = await create({ api_calls: priced }, { is_public: true })
  expect([status, body.overage]).toEqual([201, { api_calls: priced }])
  const change = (overage: unknown) => call(`PATCH /api/v1/admin/plans/${body.id}`, { token, body: { overage } })
  const tokens = { tiers: [tier(null)] }
  expect((await change({ tokens })).body.overage).toEqual({ api_calls: priced, tokens })
  const { data } = (await call('GET /api/v1/billing/plans')).body
  expect(data.find(({ id }: { id: string }) => id === body.id).overage).toEqual({
    api_calls: priced.tiers,
    tokens: tokens.tiers,
  })
  expect((await change({ api_calls: null })).body.overage).toEqual({ tokens })
  await call(`DELETE /api/v1/admin/plans/${body.id}`, { token })
})

test.each([
  ['no tier', { api_calls: { tiers: [] } }, 'api_calls.tiers'],
  ['a last tier with an end', { api_calls: { tiers: [tier(5)] } }, 'api_calls.tiers'],
  ['a tier after the last', { api_calls: { tiers: [tier(null), tier(null)] } }, 'api_calls.tiers'],
  ['tiers that do not ascend', { api_calls: { tiers: [tier(5), tier(5), tier(null)] } }, 'api_calls.tiers'],
  ['a price that is a number', { api_calls: { tiers: [{ up_to: null, unit_price_usd: 0.1 }] } }, 'unit_price_usd'],
  ['a negative price', { api_calls: { tiers: [tier(null, '-1')] } }, 'unit_price_usd'],
  ['a price with 13 places', { api_calls: { tiers: [tier(null, '0.0000000000001')] } }, 'unit_price_usd'],
  ['an exponent', { api_calls: { tiers: [tier(null, '1e-6')] } }, 'unit_price_usd'],
  ['a tier of nothing', { api_calls: { tiers: [tier(0), tier(null)] } }, 'up_to'],
  ['a gauge', { storage_gb: { tiers: [tier(null)] } }, 'overage'],
])('overage with %s is refused by the name of the field', async (_, overage, path) => {
  const { status, body } = await create(overage)
  expect(status).toBe(400)
  expect(body.errors[0].path).toContain(path)
})
