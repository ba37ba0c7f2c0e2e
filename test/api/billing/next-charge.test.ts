import { afterEach, describe, expect, test, vi } from 'vitest'
import { act, newCustomer } from '../../support/payments.ts'
import { urlOf } from '../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

/** Makes a provider return what a test wants for each subscription. */
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
  test("the next charge equals the provider's amount, currency and time", async () => {
    const { buy, info } = await newCustomer(provider)
    await buy('starter')
    expect((await info()).next_charge).toMatchObject({ amount_cents: 900, currency: 'usd' })
    telling(inYen[provider])
    expect((await info()).next_charge).toEqual({ at, amount_cents: 980_000, currency: 'jpy' })
  })

  test('it is null if nothing is charged or the charge is unknown', async () => {
    const { buy, info, post, subscription, arrive } = await newCustomer(provider)
    await buy('pro')
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    telling(() => undefined)
    expect(await info()).toMatchObject({ plan: { id: 'pro' }, next_charge: null })
    vi.restoreAllMocks()
    await post('change', { plan: 'starter' })
    expect((await info()).next_charge).toMatchObject({ amount_cents: 900 })
    telling(inYen[provider]) // the price of the following plan by the year, in yen, is unknown here
    expect((await info()).next_charge).toBeNull()
    vi.restoreAllMocks()
    await act(provider, { act: 'pause', subscription: (await subscription()).id })
    await arrive()
    expect(await info()).toMatchObject({ status: 'paused', next_charge: null })
  })
})

test.each(['mark_uncollectible', 'keep_as_draft', 'void'])(
  'nothing is charged next while Stripe collects nothing (%s), canceled or not, unless it resumes before',
  async (behavior) => {
    const { buy, info, post } = await newCustomer('stripe')
    await buy('starter')
    const pausing = (resumes_at: number | null) =>
      telling((told) => ({ ...told, pause_collection: { behavior, resumes_at } }))
    const end = Math.floor(Date.parse((await info()).subscription.current_period_end) / 1_000)
    for (const resumesAt of [null, end + 1]) {
      pausing(resumesAt)
      expect(await info()).toMatchObject({ status: 'active', next_charge: null })
      vi.restoreAllMocks()
    }
    pausing(end)
    expect((await info()).next_charge).toMatchObject({ amount_cents: 900 })
    vi.restoreAllMocks()
    await post('change', { plan: 'pro' })
    pausing(null)
    expect((await info()).next_charge).toBeNull()
  },
)
