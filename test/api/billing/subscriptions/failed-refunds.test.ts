import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { call } from '../../../support/http.ts'
import { newCustomer } from '../../../support/payments.ts'
import { deliver, planOf, polarEvent, stripeEvent, urlOf } from '../../../support/shop.ts'
import { hidePlans, sellPlan } from '../../../support/sold-plans.ts'

const CENTS = 2_000
const real = globalThis.fetch
const newId = () => crypto.randomUUID()
afterEach(() => vi.restoreAllMocks())

interface ToldRefund {
  readonly id: string
  readonly cents: number
  readonly status: string
}

describe.each(['polar', 'stripe'] as const)('the refund of a plan at %s', (provider) => {
  let plan = ''
  beforeAll(async () => {
    plan = await sellPlan(provider, { prices: [{ cents: CENTS }], included_credits_usd: '20.00' })
  })
  afterAll(() => hidePlans([plan]))

  /** A customer, and what the provider tells of the payment for the plan. */
  async function payer() {
    const customer = await newCustomer(provider)
    await customer.buy(plan)
    const { id: subscription } = await customer.subscription()
    const payment = newId()
    const [created_at, created] = [new Date().toISOString(), Math.floor(Date.now() / 1_000)]
    const parent = { subscription_details: { subscription } }
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) =>
      urlOf(input).includes('/invoice_payments')
        ? Response.json({ data: [{ invoice: { billing_reason: 'subscription_create', parent } }] })
        : real(input, init),
    )
    const reason = { billing_reason: 'subscription_create', net_amount: CENTS }
    const order = { id: payment, status: 'refunded', subscription_id: subscription, created_at, ...reason }
    const charge = { id: 'ch', refunded: true, payment_intent: payment, created, amount: CENTS }
    const refunded = {
      polar: () => polarEvent('order.refunded', order),
      stripe: () => stripeEvent('charge.refunded', charge),
    }[provider]
    const toldRefund = ({ cents: amount, ...rest }: ToldRefund) => {
      const data = { ...rest, amount, currency: 'usd' }
      const ofPolar = { order_id: payment, subscription_id: subscription, created_at, dispute: null }
      if (provider === 'polar') return polarEvent('refund.updated', { ...data, ...ofPolar })
      return stripeEvent(rest.status === 'failed' ? 'refund.failed' : 'refund.created', {
        ...data,
        payment_intent: payment,
      })
    }
    const tell = async (event: Awaited<ReturnType<typeof refunded>>) => {
      expect((await deliver(provider, event)).status).toBe(200)
      return planOf(customer.organizationId)
    }
    return {
      ...customer,
      payment,
      tellRefunded: async () => tell(await refunded()),
      tellRefund: async (refund: ToldRefund) => tell(await toldRefund(refund)),
      balance: async () => (await call('GET /api/v1/credits', { token: customer.token })).body.balance,
    }
  }

  const whole = (status = 'succeeded') => ({ id: newId(), cents: CENTS, status })

  test('that fails gives the plan and its credits back', async () => {
    const { tellRefund, tellRefunded, balance } = await payer()
    const refund = whole()
    await tellRefund(refund)
    expect([await tellRefunded(), await balance()]).toEqual(['free', '0.000000'])
    expect(await tellRefund({ ...refund, status: 'failed' })).toBe(plan)
    expect(await balance()).toBe('20.000000')
  })

  test('that failed takes nothing when it is told once more, or late', async () => {
    const { tellRefund, tellRefunded } = await payer()
    const refund = whole()
    await tellRefund({ ...refund, status: 'failed' })
    await tellRefund(refund)
    expect(await tellRefunded()).toBe(plan)
    expect(await tellRefunded()).toBe(plan)
  })

  test('in two parts is of the whole only while neither fails', async () => {
    const { tellRefund, tellRefunded } = await payer()
    const [first, second] = [
      { ...whole(), cents: 500 },
      { ...whole(), cents: 1_500 },
    ]
    await tellRefund(first)
    await tellRefund(second)
    expect(await tellRefunded()).toBe('free')
    expect(await tellRefund({ ...first, status: 'failed' })).toBe(plan)
  })

  test('that failed and was made again takes the plan, also if the failure is told late', async () => {
    const { tellRefund, tellRefunded } = await payer()
    const [failed, again] = [whole(), whole()]
    await tellRefund(failed)
    await tellRefund({ ...failed, status: 'failed' })
    await tellRefund(again)
    expect(await tellRefunded()).toBe('free')
    expect(await tellRefund({ ...failed, status: 'failed' })).toBe('free')
  })

  test('ends the plan if it failed and was made again, even if the event of the charge arrives before that of the new refund', async () => {
    const { tellRefund, tellRefunded, balance } = await payer()
    const [failed, again] = [whole(), whole()]
    await tellRefund(failed)
    expect(await tellRefunded()).toBe('free')
    expect(await tellRefund({ ...failed, status: 'failed' })).toBe(plan)
    expect(await tellRefunded(), 'nothing but the failed refund is known').toBe(plan)
    expect([await tellRefund(again), await balance()]).toEqual(['free', '0.000000'])
    expect(await tellRefund({ ...again, status: 'failed' })).toBe(plan)
  })

  test('and its failure, told at the same time, leave the plan', async () => {
    const { organizationId, tellRefund, tellRefunded } = await payer()
    const refund = whole()
    await tellRefund(refund)
    await Promise.all([tellRefunded(), tellRefund({ ...refund, status: 'failed' }), tellRefunded()])
    expect(await planOf(organizationId)).toBe(plan)
  })

  test.runIf(provider === 'stripe')(
    'that fails leaves a lost dispute in force, until that is won after all',
    async () => {
      const { organizationId, payment, tellRefund, tellRefunded } = await payer()
      const [refund, dispute] = [whole(), { ...whole('lost'), payment }]
      await tellRefund(refund)
      await tellRefunded()
      const tell = async (status: string) => {
        const event = { ...dispute, object: 'dispute', amount: CENTS, currency: 'usd', payment_intent: payment, status }
        await deliver('stripe', await stripeEvent('charge.dispute.closed', event))
        return planOf(organizationId)
      }
      expect(await tell('lost')).toBe('free')
      expect(await tellRefund({ ...refund, status: 'failed' })).toBe('free')
      expect(await tell('won')).toBe(plan)
      expect(await tell('lost')).toBe(plan)
    },
  )
})
