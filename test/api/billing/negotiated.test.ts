import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, call } from '../../support/http.ts'
import { act, newCustomer, shopState } from '../../support/payments.ts'
import { hidePlans, sell, sellPlan } from '../../support/sold-plans.ts'

const token = await administrator()

describe.each(['polar', 'stripe'] as const)('a plan with a negotiated price at %s', (provider) => {
  const ids = { lite: '', full: '', own: '' }
  let price: Record<string, unknown> = {}

  beforeAll(async () => {
    const prices = (cents: number) => [{ cents }, { cents: cents * 10, interval: 'year' as const }]
    ids.lite = await sellPlan(provider, { prices: prices(1_000) })
    ids.full = await sellPlan(provider, { prices: prices(9_000) })
    ids.own = await sellPlan(provider, { prices: [{ cents: 5_000 }] })
    price = await sell(provider, ids.own, { cents: 5_000 })
    const negotiated = { prices: [{ ...price, amount_cents: null }] }
    const changed = await call(`PATCH /api/v1/admin/plans/${ids.own}`, { token, body: negotiated })
    expect(changed.status).toBe(200)
  })
  afterAll(() => hidePlans(Object.values(ids)))

  /** Staff moved its subscription to the plan, for $50 a month. */
  async function subscriber() {
    const customer = await newCustomer(provider)
    await customer.buy(ids.lite)
    const { id } = await customer.subscription()
    const product = price[provider === 'polar' ? 'polar_product_id' : 'stripe_price_id']
    expect(await act(provider, { act: 'move', subscription: id, product })).toBe(204)
    await customer.arrive()
    expect((await customer.info()).plan.id).toBe(ids.own)
    const paid = async () =>
      (await shopState(provider)).orders.filter(({ subscriptionId }) => subscriptionId === id).length
    return { ...customer, paid }
  }

  test('is left for what costs less when the paid period ends, and kept by taking that back', async () => {
    const { post, paid } = await subscriber()
    const before = await paid()
    expect((await post('preview', { plan: ids.lite })).body).toMatchObject({ when: 'period_end', due_now_cents: 0 })
    expect(await post('change', { plan: ids.lite })).toMatchObject({
      status: 200,
      body: { plan: ids.own, pending: { plan: ids.lite } },
    })
    expect(await post('change', { plan: ids.own })).toMatchObject({
      status: 200,
      body: { plan: ids.own, pending: null },
    })
    expect(await paid()).toBe(before)
  })

  test.each([
    ['each term, as the dashboard does', () => ({ plan: ids.own, interval: 'month', currency: 'usd', addons: [] })],
    ['the organization', (organizationId: string) => ({ plan: ids.own, organization_id: organizationId })],
    ['nothing', () => ({})],
  ])('is kept by a request that names %s', async (_, choose) => {
    const { post, organizationId } = await subscriber()
    await post('change', { plan: ids.lite })
    const choice = choose(organizationId)
    expect(await post('preview', choice)).toMatchObject({
      status: 200,
      body: { plan: ids.own, when: 'now', lines: [] },
    })
    expect(await post('change', choice)).toMatchObject({ status: 200, body: { plan: ids.own, pending: null } })
  })

  test('is not kept by a request for other terms', async () => {
    const { post } = await subscriber()
    for (const choice of [{ interval: 'year' }, { seats: 3 }, { addons: [{ id: 'calls', quantity: 1 }] }])
      expect((await post('change', { plan: ids.own, ...choice })).body.code).toBe('plan_not_purchasable')
  })

  test('is left at once for what costs at least what the provider charges for it', async () => {
    const { post } = await subscriber()
    expect((await post('preview', { plan: ids.lite, interval: 'year' })).body.when).toBe('now') // $100 a year
    expect((await post('preview', { plan: ids.full })).body.when).toBe('now')
    expect((await post('change', { plan: ids.full })).body).toMatchObject({ plan: ids.full, pending: null })
  })
})
