import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

const HOUR_S = 3_600
const seconds = (time: string | number) => Math.floor(new Date(time).getTime() / 1_000)

/** The share of an amount for what is left of a period, rounded as on an invoice. */
const share = (cents: number, left: number, whole: number) => Math.floor((2 * cents * left + whole) / (2 * whole))

describe.each(['polar', 'stripe'] as const)('prices at %s', (provider) => {
  let [lite, full] = ['', '']

  beforeAll(async () => {
    const offers = (cents: number) => [
      { cents },
      { cents: 10 * cents, interval: 'year' as const },
      { cents: cents - 100, currency: 'eur' },
    ]
    lite = await sellPlan(provider, { prices: offers(1_000) })
    full = await sellPlan(provider, { prices: offers(3_000) })
  })
  afterAll(() => hidePlans([lite, full]))

  const bought = async (body: object) => {
    const customer = await newCustomer(provider)
    const opened = await customer.post('checkout', { provider, ...body })
    expect(opened.status, JSON.stringify(opened.body)).toBe(201)
    await pay(opened.body.url)
    await customer.arrive()
    const orders = async () => {
      const { id } = await customer.subscription()
      return (await shopState(provider)).orders.filter(({ subscriptionId }) => subscriptionId === id)
    }
    return { ...customer, orders }
  }

  test('a plan is bought by month or year and in a currency, and charged accordingly', async () => {
    for (const [interval, currency, cents] of [
      ['month', 'usd', 1_000],
      ['year', 'usd', 10_000],
      ['month', 'eur', 900],
    ] as const) {
      const { info, orders } = await bought({ plan: lite, interval, currency })
      expect((await orders()).map((one) => [one.cents, one.currency])).toEqual([[cents, currency]])
      expect(await info()).toMatchObject({
        plan: { id: lite, version: 1, price: { interval, currency, amount_cents: cents } },
        subscription: { plan: lite, plan_version: 1, interval, currency, seats: null, addons: [], pending: null },
        next_charge: { amount_cents: cents, currency },
      })
    }
  })

  test('a plan without a base fee is bought, left for a dearer one, and returned to', async () => {
    const byUse = await sellPlan(provider, { prices: [{ cents: 0 }] })
    const { post, info } = await bought({ plan: byUse })
    expect(await info()).toMatchObject({ plan: { id: byUse, price: { amount_cents: 0 } }, next_charge: null })
    expect(await post('change', { plan: lite })).toMatchObject({ status: 200, body: { plan: lite, pending: null } })
    expect(await post('change', { plan: byUse })).toMatchObject({
      status: 200,
      body: { plan: lite, pending: { plan: byUse } },
    })
    await hidePlans([byUse])
  })

  test('options that the plan is not sold with are refused by name', async () => {
    const { post } = await newCustomer(provider)
    for (const [body, path] of [
      [{ interval: 'year', currency: 'eur' }, 'body.interval'],
      [{ currency: 'gbp' }, 'body.currency'],
      [{ seats: 2 }, 'body.seats'],
      [{ addons: [{ id: 'none', quantity: 1 }] }, 'body.addons.0.id'],
      [{ interval: 'week' }, 'body.interval'],
      [{ seats: 0 }, 'body.seats'],
    ] as const) {
      const refused = await post('checkout', { plan: lite, provider, ...body })
      expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([400, path])
    }
  })

  test('a longer interval begins at once with its own period, less the rest of the old one', async () => {
    const { post, info, orders, subscription } = await bought({ plan: lite })
    const before = await subscription()
    const preview = await post('preview', { interval: 'year' })
    expect(preview).toMatchObject({ status: 200, body: { when: 'now', then_cents: 10_000, currency: 'usd' } })
    const changed = await post('change', { interval: 'year' })
    expect(changed).toMatchObject({ status: 200, body: { plan: lite, interval: 'year', pending: null } })
    const [, order] = await orders()
    const [start, end, at] = [before.periodStart, before.periodEnd, order.createdAt].map(seconds) as [
      number,
      number,
      number,
    ]
    expect(order.cents).toBe(10_000 - share(1_000, end - at, end - start))
    expect(Math.abs(preview.body.due_now_cents - order.cents)).toBeLessThanOrEqual(1)
    const { subscription: now } = await info()
    expect(seconds(now.current_period_end) - seconds(now.current_period_start)).toBeGreaterThan(364 * 24 * HOUR_S)
    expect((await post('change', { interval: 'year' })).status).toBe(200)
    expect(await orders()).toHaveLength(2)
  })

  test('a shorter interval begins with the next period, even if the plan is larger', async () => {
    const { post, info, orders, subscription, arrive } = await bought({ plan: lite, interval: 'year' })
    expect((await post('preview', { plan: full, interval: 'month' })).body).toMatchObject({
      when: 'period_end',
      lines: [],
      due_now_cents: 0,
      then_cents: 3_000,
    })
    const pending = { plan: full, interval: 'month', seats: null, addons: [] }
    expect((await post('change', { plan: full, interval: 'month' })).body).toMatchObject({
      plan: lite,
      interval: 'year',
      pending_plan: full,
      pending,
    })
    expect((await post('preview', { plan: full, interval: 'month' })).body.when).toBeNull()
    expect((await post('change', { interval: 'month', plan: lite })).body.pending).toMatchObject({
      plan: lite,
      interval: 'month',
    })
    expect(await info()).toMatchObject({ next_charge: { amount_cents: 1_000 } })
    expect((await post('change', { plan: lite })).body.pending).toBeNull()
    await post('change', { plan: full, interval: 'month' })
    await act(provider, { act: 'advance', subscription: (await subscription()).id })
    await arrive()
    expect((await orders()).map(({ cents }) => cents)).toEqual([10_000, 3_000])
    expect(await info()).toMatchObject({ plan: { id: full }, subscription: { interval: 'month', pending: null } })
  })

  test('a subscription keeps its currency, and the refusal explains how to change it', async () => {
    const { post, orders } = await bought({ plan: lite, currency: 'eur' })
    for (const what of ['change', 'preview']) {
      const refused = await post(what, { plan: full, currency: 'usd' })
      expect(refused).toMatchObject({ status: 409, body: { code: 'currency_fixed' } })
      expect(refused.body.detail).toContain('EUR')
    }
    expect((await post('change', { plan: full })).body).toMatchObject({ plan: full, currency: 'eur' })
    const [, order] = await orders()
    expect(order.currency).toBe('eur')
    expect(order.cents).toBeGreaterThan(1_980)
    expect(order.cents).toBeLessThanOrEqual(2_000)
  })
})
