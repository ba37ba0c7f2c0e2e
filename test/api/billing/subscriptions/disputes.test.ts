import { afterEach, expect, test, vi } from 'vitest'
import { deliver, eventsOf, newPayer, planOf, polarEvent, stripeEvent, urlOf } from '../../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

async function payer(name: 'polar' | 'stripe') {
  const { organizationId, subscriptionId } = await newPayer(name)
  for (const event of await eventsOf(name, organizationId)) await deliver(name, event)
  expect(await planOf(organizationId)).toBe('pro')
  return { organizationId, subscriptionId }
}

test('a lost dispute ends the plan, whatever the charge paid for; a won or open one changes nothing', async () => {
  const { organizationId, subscriptionId } = await payer('stripe')
  const invoice = {
    billing_reason: 'subscription_update',
    parent: { subscription_details: { subscription: subscriptionId } },
  }
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) =>
    urlOf(input).includes('/invoice_payments') ? Response.json({ data: [{ invoice }] }) : real(input, init),
  )
  const close = async (status: string) => {
    const dispute = {
      id: crypto.randomUUID(),
      object: 'dispute',
      status,
      amount: 2900,
      currency: 'usd',
      charge: 'ch_1',
      payment_intent: 'pi_1',
      created: 1,
    }
    expect((await deliver('stripe', await stripeEvent('charge.dispute.closed', dispute))).status).toBe(200)
    return planOf(organizationId)
  }
  expect(await close('won')).toBe('pro')
  expect(await close('warning_closed')).toBe('pro')
  expect(await close('lost')).toBe('free')
})

test('Polar reports disputes in its refunds: a lost one ends the plan, an open one or a plain refund does not', async () => {
  const { organizationId, subscriptionId } = await payer('polar')
  const refund = async (status: string, dispute: object | null) => {
    const created_at = new Date().toISOString()
    const data = { id: crypto.randomUUID(), status, created_at, subscription_id: subscriptionId, dispute }
    expect((await deliver('polar', await polarEvent('refund.updated', data))).status).toBe(200)
    return planOf(organizationId)
  }
  expect(await refund('succeeded', null)).toBe('pro')
  expect(await refund('pending', { id: 'd', status: 'under_review' })).toBe('pro')
  expect(await refund('succeeded', { id: 'd', status: 'won' })).toBe('pro')
  expect(await refund('pending', { id: 'd', status: 'lost' })).toBe('free')
})
