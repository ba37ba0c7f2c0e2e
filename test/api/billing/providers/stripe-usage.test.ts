import { afterEach, expect, test, vi } from 'vitest'
import { openStripe } from '../../../../src/billing/providers/stripe.ts'
import { directly } from '../../../support/direct.ts'
import { failFor } from '../../../support/faults.ts'
import { newCustomer } from '../../../support/payments.ts'

afterEach(() => vi.restoreAllMocks())

const stripe = openStripe(directly().config)

test('an amount that Stripe fails to take stops none of those behind it', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { buy, subscription, organizationId } = await newCustomer('stripe')
  await buy('builder')
  const customerId: string = (await subscription()).customer.id
  const amounts = Array.from({ length: 12 }, (_, place) => ({
    idempotencyKey: `${organizationId}-${place}-`,
    organizationId,
    customerId,
    meter: 'api_calls',
    value: 1,
    at: new Date(),
  }))
  await failFor(`${organizationId}-1-`, { door: 'stripe', count: 1, kind: 'status', value: 500 })
  const all = amounts.map(({ idempotencyKey }) => idempotencyKey)
  expect(await stripe.sendUsage(amounts)).toEqual({ taken: all.filter((_, place) => place !== 1), refused: [] })
})
