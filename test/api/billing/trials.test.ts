import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'
import { urlOf } from '../../support/shop.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

const DAY_MS = 86_400_000

describe.each(['polar', 'stripe'] as const)('a trial at %s', (provider) => {
  let [lite, full] = ['', '']

  beforeAll(async () => {
    lite = await sellPlan(provider, { prices: [{ cents: 1_000 }], trial_days: 14 })
    full = await sellPlan(provider, { prices: [{ cents: 3_000 }], trial_days: 14 })
  })
  afterAll(() => hidePlans([lite, full]))

  const trying = async () => {
    const customer = await newCustomer(provider)
    await customer.buy(lite)
    const { id } = await customer.subscription()
    const paid = async () =>
      (await shopState(provider)).orders.filter(({ subscriptionId }) => subscriptionId === id).map(({ cents }) => cents)
    const end = async () => {
      await act(provider, { act: 'advance', subscription: id })
      await customer.arrive()
    }
    return { ...customer, id, paid, end }
  }

  test('costs nothing, gives the plan immediately, and is charged when it ends', async () => {
    const { info, paid, end } = await trying()
    const { plan, status, subscription, next_charge } = await info()
    expect([plan.id, status, await paid()]).toEqual([lite, 'trialing', [0]])
    const length = Date.parse(subscription.trial_end) - Date.now()
    expect(length).toBeGreaterThan(14 * DAY_MS - 60_000)
    expect(length).toBeLessThanOrEqual(14 * DAY_MS)
    expect(next_charge).toMatchObject({ amount_cents: 1_000, at: subscription.trial_end })
    await end()
    expect(await info()).toMatchObject({ plan: { id: lite }, status: 'active' })
    expect(await paid()).toEqual([0, 1_000])
  })

  test('ends with the plan if it is canceled or not paid', async () => {
    const canceled = await trying()
    expect((await canceled.post('cancel')).body).toMatchObject({ cancel_at_period_end: true, status: 'trialing' })
    await canceled.end()
    expect([(await canceled.info()).plan.id, await canceled.paid()]).toEqual(['free', [0]])
    const unpaid = await trying()
    const { customer } = await unpaid.subscription()
    await act(provider, { act: 'refuse_card', customer: customer.id })
    await unpaid.end()
    expect(await unpaid.info()).toMatchObject({ plan: { id: lite }, status: 'past_due' })
  })

  test('is not used up by a purchase whose first payment never arrived', async () => {
    const { post, buy, organizationId } = await newCustomer(provider)
    const real = globalThis.fetch
    const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await real(input, init)
      if (!urlOf(input).includes(`/${provider}/v1/subscriptions`)) return response
      return Response.json(JSON.parse((await response.text()).replaceAll('"trialing"', '"incomplete_expired"')))
    })
    onTestFinished(() => spy.mockRestore())
    await buy(lite)
    expect((await post('checkout', { plan: lite, provider })).status).toBe(201)
    const { checkouts } = await shopState(provider)
    const mine = checkouts.filter(({ metadata }) => metadata.org_id === organizationId)
    expect(mine.map(({ trialDays }) => trialDays)).toEqual([14, 14])
    const [row] = await directly().sql.query('select status, ended_at from subscriptions where organization_id = $1', [
      organizationId,
    ])
    expect(row).toMatchObject({ status: 'incomplete', ended_at: expect.anything() })
  })

  test('is given to an organization once', async () => {
    const { post, id, arrive, paid, subscription } = await trying()
    await act(provider, { act: 'cancel_now', subscription: id })
    await arrive()
    const { body } = await post('checkout', { plan: full, provider })
    await pay(body.url)
    await arrive()
    expect(await paid()).toEqual([0])
    expect(await subscription()).toMatchObject({ status: 'active', trialEnd: null })
  })

  test(
    provider === 'stripe'
      ? 'changes at once in both directions, free of charge'
      : 'is not changed at Polar, which says so',
    async () => {
      const { post, info, paid, end } = await trying()
      if (provider === 'polar') {
        const refused = await post('change', { plan: full })
        expect(refused).toMatchObject({ status: 409, body: { code: 'provider_unsupported' } })
        expect(refused.body.detail).toContain('Polar')
        expect((await post('change', { plan: lite })).status).toBe(200)
        return
      }
      expect((await post('preview', { plan: full })).body).toMatchObject({
        when: 'now',
        due_now_cents: 0,
        then_cents: 3_000,
      })
      for (const plan of [full, lite, full]) {
        expect((await post('change', { plan })).body).toMatchObject({ plan, status: 'trialing', pending: null })
        expect((await info()).plan.id).toBe(plan)
      }
      expect((await paid()).every((cents) => cents === 0)).toBe(true)
      await end()
      expect((await paid()).at(-1)).toBe(3_000)
    },
  )
})
