import { afterAll, describe, expect, test } from 'vitest'
import { openPolar } from '../../../src/billing/providers/polar.ts'
import { openStripe } from '../../../src/billing/providers/stripe.ts'
import { directly } from '../../support/direct.ts'
import { administrator, call } from '../../support/http.ts'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'
import { hidePlans, sell, sellPlan } from '../../support/sold-plans.ts'

const token = await administrator()
const made: string[] = []
afterAll(() => hidePlans(made))

const WHEN = ['now', 'period_end'] as const
const OPEN = { polar: openPolar, stripe: openStripe }
const move = (id: string, body: object = {}) => call(`POST /api/v1/admin/plans/${id}/move`, { token, body })

describe.each(['polar', 'stripe'] as const)('moving who pays at %s to a version with another price', (provider) => {
  const newPlan = async (cents = 1_000) => {
    const prices = [{ cents }, { cents: cents * 10, interval: 'year' as const }]
    const id = await sellPlan(provider, { prices })
    made.push(id)
    return id
  }
  const raise = async (id: string, cents = 5_000) => {
    const prices = [
      await sell(provider, id, { cents }),
      await sell(provider, id, { cents: cents * 10, interval: 'year' }),
    ]
    expect((await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { prices } })).body.version).toBe(2)
  }
  const subscriber = async (plan: string, interval: 'month' | 'year' = 'month') => {
    const customer = await newCustomer(provider)
    await pay((await customer.post('checkout', { plan, provider, interval })).body.url)
    await customer.arrive()
    const { id, customer: payer } = await customer.subscription()
    const paid = async () =>
      (await shopState(provider)).orders
        .filter(({ subscriptionId }) => subscriptionId === id)
        .map(({ cents }) => cents as number)
    const happen = async (what: string) => {
      expect(await act(provider, { act: what, subscription: id })).toBe(204)
      await customer.arrive()
    }
    const state = async () => {
      const { subscription } = await customer.info()
      return subscription && [subscription.plan_version, subscription.pending]
    }
    return { ...customer, id, payer: payer.id as string, paid, happen, state }
  }
  const refusal = (organization_id: string, code: string) => ({
    moved: 0,
    scheduled: 0,
    failed: [{ organization_id, code }],
  })

  test('leaves subscribers who have canceled where they are, and charges them nothing', async () => {
    const id = await newPlan()
    const { organizationId, post, paid, state, happen } = await subscriber(id)
    await post('cancel')
    await raise(id)
    for (const when of WHEN)
      expect((await move(id, { when })).body).toMatchObject(refusal(organizationId, 'subscription_ending'))
    expect([await paid(), await state()]).toEqual([[1_000], [1, null]])
    await happen('advance')
    expect(await paid()).toEqual([1_000])
  })

  test('charges nothing for a cancellation whose webhook is still in transit', async () => {
    const id = await newPlan()
    const { id: subscriptionId, paid } = await subscriber(id)
    await OPEN[provider](directly().config).cancelAtPeriodEnd(subscriptionId)
    await raise(id)
    for (const when of WHEN) expect((await move(id, { when })).body.failed).toHaveLength(1)
    expect(await paid()).toEqual([1_000])
  })

  test('gives subscribers who have canceled new limits at the same price', async () => {
    const id = await newPlan()
    const { post, paid, state } = await subscriber(id)
    await post('cancel')
    await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { features: { beta: true } } })
    expect((await move(id)).body).toMatchObject({ moved: 1, failed: [] })
    expect([await paid(), await state()]).toEqual([[1_000], [2, null]])
  })

  test('leaves subscriptions that are paused, about to pause or unpaid', async () => {
    const id = await newPlan()
    const [paused, pausing, unpaid] = [await subscriber(id), await subscriber(id), await subscriber(id)]
    await paused.happen('pause')
    await directly().sql.query('update subscriptions set pause_at_period_end = true where organization_id = $1', [
      pausing.organizationId,
    ])
    await unpaid.happen('fail_payment')
    await unpaid.happen('give_up')
    const before = await unpaid.paid()
    await raise(id)
    // Subscribers that are on the free plan meanwhile are on no older version: they are not even queried.
    const { body } = await move(id, { when: 'now' })
    expect(body).toMatchObject(refusal(pausing.organizationId, 'subscription_ending'))
    expect([await paused.paid(), await pausing.paid(), await unpaid.paid()]).toEqual([[1_000], [1_000], before])
  })

  test('keeps a planned change to another plan', async () => {
    const [id, small] = [await newPlan(), await newPlan(100)]
    const { organizationId, post, paid, state, happen } = await subscriber(id)
    expect((await post('change', { plan: small })).body.pending.plan).toBe(small)
    await raise(id)
    for (const when of WHEN) {
      const { body } = await move(id, { when })
      expect(body).toMatchObject(refusal(organizationId, 'subscription_ending'))
      expect(body.failed[0].detail).toContain(small)
    }
    expect(await state()).toMatchObject([1, { plan: small }])
    await happen('advance')
    expect(await paid()).toEqual([1_000, 100])
  })

  test('moves a planned change of the same plan as well, with its interval', async () => {
    const id = await newPlan()
    const [waiting, hasty] = [await subscriber(id, 'year'), await subscriber(id, 'year')]
    for (const { post } of [waiting, hasty])
      expect((await post('change', { interval: 'month' })).body.pending.interval).toBe('month')
    await raise(id)
    const of = ({ organizationId }: { organizationId: string }) => ({ organization_id: organizationId })
    expect((await move(id, of(waiting))).body).toMatchObject({ moved: 0, scheduled: 1, failed: [] })
    expect(await waiting.state()).toMatchObject([1, { plan: id, interval: 'month' }])
    expect((await move(id, { ...of(hasty), when: 'now' })).body).toMatchObject({ moved: 1, scheduled: 0, failed: [] })
    expect(await hasty.state()).toMatchObject([2, { plan: id, interval: 'month' }])
    for (const { happen } of [waiting, hasty]) await happen('advance')
    expect(await waiting.paid()).toEqual([10_000, 5_000])
    const [first, difference, last, ...others] = await hasty.paid()
    expect([first, last, others]).toEqual([10_000, 5_000, []])
    expect(difference).toBeGreaterThan(39_990)
    expect(await waiting.state()).toEqual([2, null])
  })

  test('keeps a planned change if the card is declined', async () => {
    const id = await newPlan()
    const { organizationId, post, paid, state, happen, payer } = await subscriber(id, 'year')
    await post('change', { interval: 'month' })
    await raise(id)
    await act(provider, { act: 'refuse_card', customer: payer })
    expect((await move(id, { when: 'now' })).body).toMatchObject(refusal(organizationId, 'payment_failed'))
    expect(await state()).toMatchObject([1, { plan: id, interval: 'month' }])
    await act(provider, { act: 'accept_card', customer: payer })
    await happen('advance')
    expect(await paid()).toEqual([10_000, 1_000])
  })
})

test('a move at Stripe keeps planned seats and add-ons; Polar cannot change plan and seats together', async () => {
  const seats = { included: 2, max: 9 }
  for (const provider of ['polar', 'stripe'] as const) {
    const more = { id: 'more', prices: [{ cents: 300 }], limits: { max_api_keys: 1 } }
    const addons = provider === 'stripe' ? [more] : []
    const id = await sellPlan(provider, { prices: [{ cents: 1_000, seat: 500 }], seats, addons })
    made.push(id)
    const customer = await newCustomer(provider)
    const bought = addons.map((addon) => ({ id: addon.id, quantity: 2 }))
    await pay((await customer.post('checkout', { plan: id, provider, seats: 5, addons: bought })).body.url)
    await customer.arrive()
    const planned = { seats: 3, ...(provider === 'stripe' && { addons: [{ id: 'more', quantity: 1 }] }) }
    expect((await customer.post('change', planned)).body.pending).toMatchObject(planned)
    const price = await sell(provider, id, { cents: 1_200, seat: 600 }, seats)
    await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { prices: [price] } })
    const { body } = await move(id)
    if (provider === 'polar') expect(body.failed).toMatchObject([{ code: 'provider_unsupported' }])
    else expect(body).toMatchObject({ scheduled: 1, failed: [] })
    expect((await customer.info()).subscription.pending).toMatchObject(planned)
    expect((await move(id, { when: 'now' })).body).toMatchObject({ moved: 1, failed: [] })
    expect((await customer.info()).subscription).toMatchObject({ plan_version: 2, seats: 5, pending: planned })
  }
})
