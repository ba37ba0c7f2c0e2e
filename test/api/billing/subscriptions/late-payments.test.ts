import { afterEach, expect, test, vi } from 'vitest'
import { deliver, eventsOf, newPayer, planOf, stripeEvent, urlOf } from '../../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

const MONTH_S = 30 * 24 * 3_600
const seconds = () => Math.floor(Date.now() / 1_000)

test('a refund counts for the period that its invoice charged, not for the one in which that was paid', async () => {
  const { organizationId, subscriptionId: subscription } = await newPayer('stripe')
  for (const event of await eventsOf('stripe', organizationId)) await deliver('stripe', event)
  const real = globalThis.fetch
  /** Refunds what was paid now for a period that began then. */
  async function refund(start: number, billing_reason = 'subscription_cycle', isProration = false) {
    const line = (from: number, proration: boolean) => ({
      period: { start: from, end: from + MONTH_S },
      parent: { type: 'subscription_item_details', subscription_item_details: { proration } },
    })
    const overage = { period: { start: start - MONTH_S, end: start }, parent: { type: 'invoice_item_details' } }
    const lines = { data: [overage, line(start - MONTH_S, true), line(start, isProration)] }
    const invoice = { billing_reason, lines, parent: { subscription_details: { subscription } } }
    const spy = vi
      .spyOn(globalThis, 'fetch')
      .mockImplementation(async (input, init) =>
        urlOf(input).includes('/invoice_payments') ? Response.json({ data: [{ invoice }] }) : real(input, init),
      )
    const charge = { id: 'ch', refunded: true, payment_intent: crypto.randomUUID(), created: seconds(), amount: 4_900 }
    expect((await deliver('stripe', await stripeEvent('charge.refunded', charge))).status).toBe(200)
    spy.mockRestore()
    return planOf(organizationId)
  }
  expect(await refund(seconds() - MONTH_S)).toBe('pro')
  expect(await refund(seconds())).toBe('free')
})
