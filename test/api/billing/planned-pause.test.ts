import { afterEach, describe, expect, test, vi } from 'vitest'
import { newCustomer } from '../../support/payments.ts'
import { urlOf } from '../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

describe('GET /api/v1/auth/billing/info', () => {
  test('a pause planned at Polar for the end of the period is shown, and there is no next charge', async () => {
    const { buy, info } = await newCustomer('polar')
    const real = globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const response = await real(input, init)
      if (!/\/subscriptions\/[^/?]+(\?|$)/.test(urlOf(input))) return response
      return Response.json({ ...(await response.json<object>()), pause_at_period_end: true })
    })
    await buy('pro')
    expect(await info()).toMatchObject({
      status: 'active',
      plan: { id: 'pro' },
      subscription: { pause_at_period_end: true, cancel_at_period_end: false },
      next_charge: null,
    })
  })
})
