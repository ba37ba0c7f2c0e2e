import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call, verify } from '../../../support/http.ts'
import { act, newCustomer } from '../../../support/payments.ts'
import { deliver, planOf, polarEvent, reconcileAlone, stripeEvent, urlOf } from '../../../support/shop.ts'
import { hidePlans, sellPlan } from '../../../support/sold-plans.ts'

const DAY = 24 * 3_600_000
const real = globalThis.fetch
vi.spyOn(console, 'warn').mockImplementation(() => undefined) // refusals are logged
afterEach(() => vi.restoreAllMocks())

describe.each(['polar', 'stripe'] as const)('credits that a plan at %s includes', (provider) => {
  let plan = ''
  beforeAll(async () => {
    plan = await sellPlan(provider, { prices: [{ cents: 2_000 }], included_credits_usd: '20.00' })
  })
  afterAll(() => hidePlans([plan]))

  async function subscriber() {
    const customer = await newCustomer(provider)
    const { token } = customer
    await customer.buy(plan)
    const { id } = await customer.subscription()
    const issued = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'A' } })
    const credits = async () => (await call('GET /api/v1/credits', { token })).body
    const spend = async (cost_usd: string) => {
      const event = { id: crypto.randomUUID(), key_id: issued.body.id, endpoint: '/v1/x', cost_usd }
      await call('POST /api/v1/usage', { token, body: { events: [event] } })
      await credits() // charges burn when somebody reads
      return event.id
    }
    const correct = async (event_id: string, fields: object) => {
      const body = { organization_id: customer.organizationId, event_id, reason: 'A test', ...fields }
      const { status } = await call('POST /api/v1/usage/corrections', { token: await administrator(), body })
      expect(status).toBe(200)
    }
    const happen = async (what: string) => {
      expect(await act(provider, { act: what, subscription: id })).toBe(204)
      await customer.arrive()
    }
    expect(await credits()).toMatchObject({ balance: '20.000000' })
    return { ...customer, id, key: issued.body.key as string, credits, spend, correct, happen }
  }

  const refund = {
    async polar(id: string) {
      const created_at = new Date().toISOString()
      const data = {
        id: 'o',
        status: 'refunded',
        subscription_id: id,
        created_at,
        billing_reason: 'subscription_create',
      }
      await deliver('polar', await polarEvent('order.refunded', data))
    },
    async stripe(id: string) {
      const parent = { subscription_details: { subscription: id } }
      vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) =>
        urlOf(input).includes('/invoice_payments')
          ? Response.json({ data: [{ invoice: { billing_reason: 'subscription_create', parent } }] })
          : real(input, init),
      )
      const charge = { id: 'ch', refunded: true, payment_intent: 'pi', created: Math.floor(Date.now() / 1000) }
      await deliver('stripe', await stripeEvent('charge.refunded', charge))
    },
  }[provider]

  test('go with the refund of its charge, as far as they are left, once', async () => {
    const { organizationId, id, key, credits, spend } = await subscriber()
    await spend('5.00')
    expect(await credits()).toMatchObject({ balance: '15.000000' })
    await Promise.all([refund(id), refund(id)])
    await refund(id)
    expect(await planOf(organizationId)).toBe('free')
    expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
    expect(await listLedger(organizationId)).toEqual(['grant 20', 'burn -5', 'refund -15'])
    expect((await verify(key)).body.code).toBe('CREDITS_EXHAUSTED')
  })

  test('do not return when their use is corrected after the refund, and are granted in full once the plan is paid', async () => {
    const { organizationId, id, credits, spend, correct } = await subscriber()
    const event = await spend('5.00')
    await refund(id)
    await correct(event, { cost_usd: '2.00' })
    expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
    await correct(event, { void: true })
    expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
    expect((await listLedger(organizationId)).slice(2).toSorted()).toEqual(
      ['refund -15', 'refund -2', 'refund -3', 'return 2', 'return 3'].toSorted(),
    )
    const body = { plan }
    await call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token: await administrator(), body })
    expect(await credits()).toMatchObject({ balance: '20.000000' })
  })

  test('go even if the subscription was canceled before the refund arrived', async () => {
    const { organizationId, id, credits, happen } = await subscriber()
    await happen('cancel_now')
    expect(await planOf(organizationId)).toBe('free')
    expect(await credits()).toMatchObject({ balance: '20.000000' }) // they were paid for
    await refund(id)
    expect(await credits()).toMatchObject({ balance: '0.000000' })
  })

  test('stay if the operator granted them', async () => {
    const { organizationId, id, credits, happen } = await subscriber()
    const grants = await directly().sql.query(
      `update credit_grants set source = 'admin', period_start = null, expires_at = null where organization_id = $1 returning id`,
      [organizationId],
    )
    expect(grants).toHaveLength(1)
    await happen('cancel_now')
    await refund(id)
    expect(await credits()).toMatchObject({ balance: '20.000000' })
  })

  test('go when the provider gives up on failed payments, and the unburned rest returns once it is paid', async () => {
    const { organizationId, credits, spend, happen } = await subscriber()
    await spend('8.00')
    await happen('fail_payment')
    expect(await credits()).toMatchObject({ balance: '12.000000' })
    await happen('give_up')
    expect(await planOf(organizationId)).toBe('free')
    expect(await credits()).toMatchObject({ balance: '0.000000' })
    await happen('mend_card')
    expect(await planOf(organizationId)).toBe(plan)
    expect(await credits()).toMatchObject({ balance: '12.000000' })
    expect(await listLedger(organizationId)).toEqual(['grant 20', 'burn -8', 'refund -12', 'grant 12'])
  })

  test('go when the grace period of a past-due payment ends', async () => {
    const { organizationId, credits, happen } = await subscriber()
    await happen('fail_payment')
    const later = { ...directly(), now: () => Date.now() + 8 * DAY }
    await directly().sql.query(
      `update credit_grants set period_start = usage_period_start(null, $2::timestamptz) where organization_id = $1`,
      [organizationId, new Date(later.now()).toISOString()],
    )
    await reconcileAlone(later, organizationId)
    expect(await planOf(organizationId)).toBe('free')
    expect(await credits()).toMatchObject({ balance: '0.000000' })
  })
})
