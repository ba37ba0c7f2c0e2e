import { describe, expect, test } from 'vitest'
import { administrator, call } from '../../support/http.ts'

const catalog = () => call('GET /api/v1/billing/plans')

describe('GET /api/v1/billing/plans', () => {
  test('anyone can read the public plans in the order of the operator, with price, limits and features', async () => {
    const { status, headers, body } = await catalog()
    expect(status).toBe(200)
    expect(headers.get('Cache-Control')).toContain('public')
    const seeded = body.data.filter(({ id }: { id: string }) =>
      ['free', 'starter', 'builder', 'advanced', 'pro', 'enterprise'].includes(id),
    )
    const amounts = ({ id, prices }: any) => [id, ...prices.map(({ amount_cents }: any) => amount_cents)]
    expect(seeded.map(amounts)).toEqual([
      ['free', 0],
      ['starter', 900, 9_000],
      ['builder', 1_900, 19_000],
      ['advanced', 2_900, 29_000],
      ['pro', 4_900, 49_000],
      ['enterprise'],
    ])
    expect(seeded[0]).toEqual({
      id: 'free',
      name: 'Free',
      prices: [{ interval: 'month', currency: 'usd', amount_cents: 0 }],
      trial_days: 0,
      seats: null,
      addons: [],
      rate_limit_per_minute: 60,
      max_api_keys: 10,
      meters: {
        api_calls: { limit: 100_000, at_limit: 'block' },
        queries: { limit: 100_000, at_limit: 'block' },
        tokens: { limit: 100_000, at_limit: 'block' },
        cost_usd: { limit: null, at_limit: 'allow' },
        concepts: { limit: 100_000, at_limit: 'block' },
        storage_gb: { limit: 1, at_limit: 'block' },
      },
      overage: {},
      features: { max_evolution_phase: 1 },
      included_credits_usd: null,
      rollover_max_usd: null,
      at_no_credits: 'block',
      max_concurrent: null,
      key_max_concurrent: null,
      key_limits: [],
      organization_limits: [],
      price_per_call_usd: null,
    })
    expect(seeded.map(({ meters }: any) => meters.tokens)).toEqual([
      { limit: 100_000, at_limit: 'block' },
      { limit: 1_000_000, at_limit: 'block' },
      { limit: 5_000_000, at_limit: 'block' },
      { limit: 25_000_000, at_limit: 'block' },
      { limit: null, at_limit: 'allow' },
      { limit: null, at_limit: 'allow' },
    ])
  })

  test('a plan appears once it is public, in its configured position, without internal fields', async () => {
    const token = await administrator()
    const id = `shown-${crypto.randomUUID().slice(0, 8)}`
    const limits = { rate_limit_per_minute: 1, max_api_keys: 1, meters: {} }
    const hidden = {
      id,
      name: 'Shown',
      prices: [{ interval: 'month', currency: 'usd', amount_cents: 5, stripe_price_id: 'price_1' }],
      limits,
      is_public: false,
      sort_order: 0,
    }
    await call('POST /api/v1/admin/plans', { token, body: hidden })
    const ids = async () => (await catalog()).body.data.map((one: { id: string }) => one.id)
    expect(await ids()).not.toContain(id)
    await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { is_public: true } })
    expect((await ids()).slice(0, 2)).toEqual(['free', id])
    expect(JSON.stringify((await catalog()).body)).not.toMatch(/price_1|stripe|organization_count/)
    await call(`DELETE /api/v1/admin/plans/${id}`, { token })
    expect(await ids()).not.toContain(id)
  })
})
