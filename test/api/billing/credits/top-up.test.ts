import { expect, test, vi } from 'vitest'
import { newBuyer } from '../../../support/buyers.ts'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { call } from '../../../support/http.ts'
import { newCustomer, shopState } from '../../../support/payments.ts'
import { auditOf, deliver, polarEvent, stripeEvent } from '../../../support/shop.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const PROVIDERS = ['polar', 'stripe'] as const

const GRANTING = { polar: 'order.paid', stripe: 'checkout.session.completed' } as const
const REFUNDING = { polar: 'order.refunded', stripe: 'charge.refunded' } as const

test.each(PROVIDERS)(
  '%s sells credits: they are granted when the payment arrives, and the customer is led back',
  async (provider) => {
    const { checkout, back, arrive, credits, organizationId, payment } = await newBuyer(provider)
    expect(checkout).toMatchObject({ provider, amount: '25.00' })
    expect(back).toBe(`https://tollgate.test/?checkout_id=${checkout.id}`)
    expect(payment).toMatchObject({ cents: 2_500 })
    expect(await credits()).toMatchObject({ uses_credits: false })
    for (const { status } of await arrive()) expect(status).toBe(200)
    expect(await credits()).toMatchObject({
      balance: '25.000000',
      grants: [{ amount: '25.000000', source: 'purchase', expires_at: null }],
    })
    expect((await auditOf(organizationId)).map(({ action }) => action)).toEqual([
      'billing.top_up_started',
      'billing.credits_purchased',
    ])
  },
)

test.each(PROVIDERS)(
  '%s: a payment reported twice, ten times at once, or by several events is granted once',
  async (provider) => {
    const { arrive, events, credits, organizationId } = await newBuyer(provider, '7.50')
    const [granting] = await events(GRANTING[provider])
    const make = provider === 'polar' ? polarEvent : stripeEvent
    const body = JSON.parse(granting?.body ?? '')
    const again = await Promise.all(
      Array.from({ length: 10 }, async () =>
        deliver(provider, await make(granting?.type ?? '', provider === 'polar' ? body.data : body.data.object)),
      ),
    )
    expect(again.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    await arrive()
    await arrive()
    expect(await credits()).toMatchObject({ balance: '7.500000' })
    expect(await listLedger(organizationId)).toEqual(['grant 7.5'])
  },
)

test.each(PROVIDERS)('%s: a refund takes back its share once, in parts and as a whole', async (provider) => {
  const { arrive, credits, refund, organizationId } = await newBuyer(provider, '10.00')
  await arrive()
  await refund(250)
  await arrive()
  expect(await credits()).toMatchObject({ balance: '7.500000' })
  await refund()
  await arrive()
  await arrive()
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -2.5', 'refund -7.5'])
})

test.each(PROVIDERS)('%s: a refund that arrives before the payment leaves nothing', async (provider) => {
  const { arrive, credits, refund, organizationId } = await newBuyer(provider, '10.00')
  await refund()
  for (const { status } of await arrive(REFUNDING[provider])) expect(status).toBe(200)
  await arrive(GRANTING[provider])
  expect(await credits()).toMatchObject({ uses_credits: true, balance: '0.000000', grants: [] })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -10'])
})

test.each(PROVIDERS)(
  '%s: used credits cannot be taken back; the shortfall is recorded, and no balance is below 0',
  async (provider) => {
    const { arrive, credits, refund, organizationId, token } = await newBuyer(provider, '10.00')
    await arrive()
    const event = { id: crypto.randomUUID(), organization_id: organizationId, endpoint: '/x', cost_usd: '4.00' }
    expect((await call('POST /api/v1/usage', { token, body: { events: [event] } })).status).toBe(200)
    await refund()
    await arrive()
    expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
    expect(await listLedger(organizationId)).toEqual(['grant 10', 'burn -4', 'refund -6'])
    expect((await auditOf(organizationId)).at(-1)).toMatchObject({
      action: 'billing.credits_refunded',
      detail: { amount_usd: '6.000000', shortfall_usd: '4.000000' },
    })
    const { body } = await call('GET /api/v1/credits/ledger', { token })
    expect(body.data[0]).toMatchObject({ kind: 'refund', reason: 'Refunded; 4.000000 of it had been used' })
  },
)

test('a lost dispute at Stripe takes the credits back', async () => {
  const { arrive, credits, happen } = await newBuyer('stripe', '10.00')
  await arrive()
  await happen('lose_dispute')
  await arrive()
  expect(await credits()).toMatchObject({ balance: '0.000000' })
})

test('a dispute after a partial refund takes both, however often it is reported, and never more than was paid', async () => {
  const { arrive, credits, refund, happen, organizationId } = await newBuyer('stripe', '10.00')
  await arrive()
  await refund(250)
  await happen('lose_dispute', { cents: 300 })
  for (let times = 0; times < 2; times++) {
    await arrive()
    expect(await credits()).toMatchObject({ balance: '4.500000' })
  }
  await happen('lose_dispute', { cents: 1_000 })
  await arrive()
  expect(await credits()).toMatchObject({ balance: '0.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -2.5', 'refund -3', 'refund -4.5'])
})

test.each(PROVIDERS)('%s: a refund that fails later restores the credits once', async (provider) => {
  const { arrive, credits, refund, happen, organizationId, token } = await newBuyer(provider, '10.00')
  await arrive()
  await refund(400)
  await arrive()
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  await happen('fail_refund')
  for (let times = 0; times < 2; times++) {
    for (const { status } of await arrive()) expect(status).toBe(200)
    expect(await credits()).toMatchObject({ balance: '10.000000' })
  }
  await refund(100)
  await arrive()
  expect(await credits()).toMatchObject({ balance: '9.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -4', 'refund 4', 'refund -1'])
  expect((await auditOf(organizationId)).filter(({ action }) => action === 'billing.credits_given_back')).toMatchObject(
    [{ detail: { amount_usd: '4.000000', payment_id: expect.any(String), provider } }],
  )
  const { body } = await call('GET /api/v1/credits/ledger', { token })
  expect(body.data[1]).toMatchObject({ kind: 'refund', amount: '4.000000', reason: 'The refund failed' })
})

test.each(PROVIDERS)('%s: events of a payment, a refund and its failure may arrive in any order', async (provider) => {
  const { events, credits, refund, happen } = await newBuyer(provider, '10.00')
  await refund(400)
  await happen('fail_refund')
  await refund(100)
  for (const event of (await events()).toReversed()) expect((await deliver(provider, event)).status).toBe(200)
  expect(await credits()).toMatchObject({ balance: '9.000000' })
})

test.each(PROVIDERS)(
  '%s: a payment and a failed refund of it that arrive at once are both applied',
  async (provider) => {
    const { events, credits, refund, happen } = await newBuyer(provider, '10.00')
    await refund(400)
    await happen('fail_refund')
    const all = await events()
    await Promise.all(all.map((event) => deliver(provider, event)))
    await Promise.all(all.map((event) => deliver(provider, event))) // what was in progress elsewhere is sent again
    expect(await credits()).toMatchObject({ balance: '10.000000' })
  },
)

test('a failed refund does not restore what could not be taken back because it was used', async () => {
  const { arrive, credits, refund, happen, organizationId, token } = await newBuyer('stripe', '10.00')
  await arrive()
  const event = { id: crypto.randomUUID(), organization_id: organizationId, endpoint: '/x', cost_usd: '4.00' }
  expect((await call('POST /api/v1/usage', { token, body: { events: [event] } })).status).toBe(200)
  await refund()
  await arrive()
  await happen('fail_refund')
  await arrive()
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'burn -4', 'refund -6', 'refund 6'])
})

test('a payment that takes days is granted when it arrives, not before', async () => {
  const { credits, payment, organizationId } = await newBuyer('stripe', '10.00')
  const session = {
    id: 'cs_1',
    payment_status: 'unpaid',
    payment_intent: payment.id,
    amount_subtotal: 1_000,
    amount_total: 1_000,
    currency: 'usd',
    metadata: { org_id: organizationId, kind: 'credits' },
  }
  await deliver('stripe', await stripeEvent('checkout.session.completed', session))
  expect(await credits()).toMatchObject({ uses_credits: false })
  const paid = { ...session, payment_status: 'paid' }
  await deliver('stripe', await stripeEvent('checkout.session.async_payment_succeeded', paid))
  expect(await credits()).toMatchObject({ balance: '10.000000' })
})

test('other one-time products, and credits of a deleted organization, grant nothing', async () => {
  const { organizationId } = await newCustomer()
  const order = {
    id: crypto.randomUUID(),
    status: 'paid',
    net_amount: 500,
    currency: 'usd',
    created_at: new Date().toISOString(),
  }
  const sold = await polarEvent('order.paid', { ...order, metadata: { org_id: organizationId } })
  expect(await deliver('polar', sold)).toMatchObject({ status: 200 })
  const gone = await polarEvent('order.paid', { ...order, metadata: { org_id: crypto.randomUUID(), kind: 'credits' } })
  expect(await deliver('polar', gone)).toMatchObject({ status: 200 })
  expect(await listLedger(organizationId)).toEqual([])
  const [inbox] = await sql.query('select outcome from billing_events where event_id = $1', [gone.id])
  expect(inbox?.outcome).toBe('no_organization')
})

test('the next purchase has the same customer, and wrong amounts are refused by name', async () => {
  const { arrive, post } = await newBuyer('stripe')
  await arrive()
  const { body } = await post('top-up', { amount: 5, provider: 'stripe' })
  const { checkouts } = await shopState('stripe')
  const customers = checkouts.filter(({ id }) => id === body.id).map(({ customer }) => customer.id)
  const first = checkouts.find(({ customer }) => customer.id === customers[0])
  expect(first.id).not.toBe(body.id)
  for (const amount of ['0.99', '10000.01', '5.001', 'x', -5, null, undefined])
    expect((await post('top-up', { amount })).body.errors?.[0]?.path, String(amount)).toBe('body.amount')
  expect((await post('top-up', { amount: '5.00', success_url: 'https://evil.example' })).body.errors[0].path).toBe(
    'body.success_url',
  )
})
