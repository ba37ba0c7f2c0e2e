import { afterEach, describe, expect, test, vi } from 'vitest'
import { act, newCustomer } from '../../support/payments.ts'
import { urlOf } from '../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

/** Lets a provider tell of each subscription what a test makes of it. */
function telling(change: (told: any) => object | undefined): void {
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const response = await real(input, init)
    if (!/\/subscriptions\/[^/?]+(\?|$)/.test(urlOf(input))) return response
    const told = change(await response.json())
    return told ? Response.json(told) : Response.json({}, { status: 500 })
  })
}

const YEAR_ON = 1_830_000_000
const at = new Date(YEAR_ON * 1_000).toISOString()

/** A subscription of ten seats by the year, in yen. */
const inYen = {
  polar: (told: any) => ({
    ...told,
    amount: 980_000,
    currency: 'jpy',
    recurring_interval: 'year',
    current_period_end: at,
  }),
  stripe: (told: any) => {
    const [item] = told.items.data
    const price = { ...item.price, unit_amount: 98_000, currency: 'jpy', recurring: { interval: 'year' } }
    return { ...told, items: { data: [{ ...item, price, quantity: 10, current_period_end: YEAR_ON }] } }
  },
}

describe.each(['polar', 'stripe'] as const)('GET /api/v1/auth/billing/info at %s', (provider) => {
  test('the next charge is what the provider charges, in its currency and at its time', async () => {
    const { buy, info } = await newCustomer(provider)
    await buy('starter')
    expect((await info()).next_charge).toMatchObject({ amount_cents: 900, currency: 'usd' })
    telling(inYen[provider])
    expect((await info()).next_charge).toEqual({ at, amount_cents: 980_000, currency: 'jpy' })
  })

  test('it is null where nothing is charged, and where it is not known', async () => {
    const { buy, info, post, subscription, arrive } = await newCustomer(provider)
    await buy('pro')
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    telling(() => undefined)
    expect(await info()).toMatchObject({ plan: { id: 'pro' }, next_charge: null })
    vi.restoreAllMocks()
    await post('change', { plan: 'starter' })
    expect((await info()).next_charge).toMatchObject({ amount_cents: 900 })
    telling(inYen[provider]) // what the plan that follows costs by the year, in yen, nobody here knows
    expect((await info()).next_charge).toBeNull()
    vi.restoreAllMocks()
    await act(provider, { act: 'pause', subscription: (await subscription()).id })
    await arrive()
    expect(await info()).toMatchObject({ status: 'paused', next_charge: null })
  })
})
