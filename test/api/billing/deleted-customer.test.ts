import { expect, test, vi } from 'vitest'
import { newBuyer } from '../../support/buyers.ts'
import { newCustomer, shopState } from '../../support/payments.ts'
import { act } from '../../support/shop.ts'

vi.spyOn(console, 'info').mockImplementation(() => undefined) // refusals of the provider are logged

const PROVIDERS = ['polar', 'stripe'] as const

async function findCheckout(provider: (typeof PROVIDERS)[number], id: string): Promise<any> {
  return ((await shopState(provider)) as any).checkouts.find((one: any) => one.id === id)
}

test.each(PROVIDERS)(
  '%s: an organization whose customer was deleted at the provider buys a plan and credits again as a new customer',
  async (provider) => {
    const customer = await newCustomer(provider)
    await customer.buy('starter')
    const gone = (await customer.subscription()).customer.id
    await act(provider, { act: 'delete_customer', customer: gone })
    await customer.arrive()
    const portal = await customer.post('portal')
    expect(portal).toMatchObject({ status: 409, body: { code: 'no_subscription' } })
    expect(portal.body.detail).toContain('deleted this customer')
    const credits = await customer.post('top-up', { amount: '25.00', provider })
    const plan = await customer.post('checkout', { plan: 'pro', provider })
    for (const { status, body } of [credits, plan]) {
      expect(status).toBe(201)
      expect((await findCheckout(provider, body.id)).customer.id).not.toBe(gone)
    }
    await customer.buy('pro')
    expect(await customer.info()).toMatchObject({ plan: { name: 'Pro' } })
    expect((await customer.post('portal')).status).toBe(201)
  },
)

test.each(PROVIDERS)('%s: the portal opens for an organization that bought nothing but credits', async (provider) => {
  const buyer = await newBuyer(provider)
  expect((await buyer.post('portal')).status).toBe(409)
  await buyer.arrive()
  expect(await buyer.post('portal')).toMatchObject({ status: 201, body: { provider } })
})
