import { call } from './http.ts'
import { newCustomer, pay, shopState } from './payments.ts'
import { act, deliver, eventsOf, polarEvent, stripeEvent } from './shop.ts'

type Provider = 'polar' | 'stripe'

/** A customer whose credits are paid; the Worker has not been notified yet. */
export async function newBuyer(provider: Provider, amount = '25.00') {
  const customer = await newCustomer(provider)
  const { organizationId, token } = customer
  const { status, body } = await customer.post('top-up', { amount, provider })
  if (status !== 201) throw new Error(JSON.stringify(body))
  const back = await pay(body.url)
  const payment = (await shopState(provider)).payments.find(({ checkout }) => checkout.id === body.id)
  const events = async (...types: string[]) =>
    (await eventsOf(provider, organizationId)).filter(({ type }) => types.length === 0 || types.includes(type))
  const arrive = async (...types: string[]) => {
    const answers = []
    for (const event of await events(...types)) answers.push(await deliver(provider, event))
    return answers
  }
  const credits = async () => (await call('GET /api/v1/credits', { token })).body
  const refund = (cents?: number) => act(provider, { act: 'refund', payment: payment.id, ...(cents && { cents }) })
  const happen = (what: 'fail_refund' | 'lose_dispute', more: object = {}) =>
    act(provider, { act: what, payment: payment.id, ...more })
  return { ...customer, checkout: body, back, payment, events, arrive, credits, refund, happen }
}

interface ToldRefund {
  readonly id: string
  readonly payment: string
  readonly status: string
  readonly cents: number
  readonly currency?: string
}

/** Reports a refund that no local provider would make. @returns the status of the response */
export async function tellRefund(provider: Provider, refund: ToldRefund): Promise<number> {
  const { id, payment, status, cents: amount, currency = 'usd' } = refund
  const common = { id, status, amount, currency }
  const order = { order_id: payment, subscription_id: null, dispute: null, created_at: new Date().toISOString() }
  const event =
    provider === 'polar'
      ? await polarEvent('refund.updated', { ...common, ...order })
      : await stripeEvent('refund.updated', { ...common, object: 'refund', payment_intent: payment })
  return (await deliver(provider, event)).status
}

/** Reports that a dispute at Stripe was closed. @returns the status of the response */
export async function tellDispute({ payment, cents: amount, currency = 'usd', ...rest }: ToldRefund): Promise<number> {
  const dispute = { ...rest, object: 'dispute', amount, currency, payment_intent: payment, created: 1 }
  return (await deliver('stripe', await stripeEvent('charge.dispute.closed', dispute))).status
}
