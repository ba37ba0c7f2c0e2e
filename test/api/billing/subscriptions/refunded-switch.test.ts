import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { act, newCustomer, shopState } from '../../../support/payments.ts'
import { deliver, planOf, polarEvent, stripeEvent, urlOf } from '../../../support/shop.ts'
import { hidePlans, sellPlan } from '../../../support/sold-plans.ts'

const { sql } = directly()
const real = globalThis.fetch
afterEach(() => vi.restoreAllMocks())

describe.each(['polar', 'stripe'] as const)('the full refund of a change at %s', (provider) => {
  const ids = { plan: '', large: '' }
  beforeAll(async () => {
    const prices = (cents: number) => [{ cents }, { cents: cents * 10, interval: 'year' as const }]
    ids.plan = await sellPlan(provider, { prices: prices(2_000), included_credits_usd: '20.00' })
    ids.large = await sellPlan(provider, { prices: prices(4_000), included_credits_usd: '40.00' })
  })
  afterAll(() => hidePlans(Object.values(ids)))

  async function subscriber() {
    const customer = await newCustomer(provider)
    await customer.buy(ids.plan)
    const { id } = await customer.subscription()
    const credits = async () => (await call('GET /api/v1/credits', { token: customer.token })).body.balance
    /** Stripe's times are whole seconds: two periods that begin in the same one would count as one. */
    const passTime = () =>
      sql.query(
        `update subscriptions set current_period_start = current_period_start - interval '5 seconds' where provider_subscription_id = $1`,
        [id],
      )
    const happen = async (what: string, more: object = {}) => {
      await passTime()
      expect(await act(provider, { act: what, subscription: id, ...more })).toBe(204)
    }
    await passTime()
    return { ...customer, id: id as string, credits, happen }
  }

  /** Refunds the last charge of a subscription in full. */
  async function refundLast(id: string): Promise<void> {
    const order = (await shopState(provider)).orders.findLast(({ subscriptionId }) => subscriptionId === id)
    expect((await deliver(provider, await REFUNDED[provider](id, order))).status).toBe(200)
    vi.restoreAllMocks()
  }

  const REFUNDED = {
    polar: (subscription_id: string, { id, reason: billing_reason, createdAt: created_at }: any) =>
      polarEvent('order.refunded', { id, status: 'refunded', subscription_id, created_at, billing_reason }),
    stripe(subscription: string, { reason: billing_reason, createdAt }: any) {
      const invoice = { billing_reason, parent: { subscription_details: { subscription } } }
      vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) =>
        urlOf(input).includes('/invoice_payments') ? Response.json({ data: [{ invoice }] }) : real(input, init),
      )
      const created = Math.floor(Date.parse(createdAt) / 1_000)
      return stripeEvent('charge.refunded', { id: 'ch', refunded: true, payment_intent: 'pi', created })
    },
  }

  test('to another interval ends the plan and its credits until the next period is paid', async () => {
    const { organizationId, id, post, credits, arrive } = await subscriber()
    expect((await post('change', { interval: 'year' })).body.interval).toBe('year')
    await arrive()
    expect([await planOf(organizationId), await credits()]).toEqual([ids.plan, '20.000000'])
    await refundLast(id)
    await refundLast(id)
    expect([await planOf(organizationId), await credits()]).toEqual(['free', '0.000000'])
  })

  test('to another interval counts even before that change is known here', async () => {
    const { organizationId, id, happen } = await subscriber()
    const { prices } = (await call(`GET /api/v1/admin/plans/${ids.plan}`, { token: await administrator() })).body
    const yearly = prices.find(({ interval }: { interval: string }) => interval === 'year')
    await happen('move', { product: yearly.polar_product_id ?? yearly.stripe_price_id })
    await refundLast(id)
    expect(await planOf(organizationId)).toBe('free')
  })

  test('within the period covers only a part of it, and changes nothing', async () => {
    const { organizationId, id, post, credits } = await subscriber()
    expect((await post('change', { plan: ids.large })).body.plan).toBe(ids.large)
    const before = await credits()
    await refundLast(id)
    expect([await planOf(organizationId), await credits()]).toEqual([ids.large, before])
  })

  test('within a period that began with a renewal after such a change changes nothing', async () => {
    const { organizationId, id, post, happen, arrive } = await subscriber()
    await post('change', { interval: 'year' })
    await happen('advance')
    await arrive()
    expect((await post('change', { plan: ids.large })).body.plan).toBe(ids.large)
    await refundLast(id)
    expect(await planOf(organizationId)).toBe(ids.large)
  })
})
