import { type Call, html, type Reply } from '../http.ts'
import { escapeHtml, page } from '../pages.ts'
import { intervalOf, sumCents } from './bought.ts'
import type { Payment } from './one-off.ts'
import type { PaymentService } from './provider.ts'
import type { Checkout, Subscription } from './shop.ts'

const NAMES = { polar: 'Polar', stripe: 'Stripe' } as const

/** The labels and actions of a subscription's buttons. */
const BUTTONS = [
  ['advance', "Advance to the period's end"],
  ['fail_payment', 'Fail a payment'],
  ['mend_card', 'Mend the card'],
  ['cancel_now', 'Cancel at once'],
] as const

const dollars = (cents: number) => `$${(cents / 100).toFixed(2)}`

/** The provider's dashboard: purchases, sent events, and buttons for other things that may happen. */
export function dashboardPage(service: PaymentService) {
  return function answer(): Reply {
    const { name, shop, sender } = service
    const bought = [...shop.subscriptions.values()].toReversed().map((one) => subscription(service, one))
    const open = [...shop.checkouts.values()].filter(({ status }) => status === 'open')
    const events = sender
      .list()
      .toReversed()
      .map(({ id, type, state, attempts }) => {
        const tries = attempts.map(({ status }) => status).join(', ')
        return `<li><code>${escapeHtml(type)}</code> ${state} ${tries} ${button(name, 'Send again', { act: 'redeliver', event: id })}</li>`
      })
    return html(
      200,
      page(
        `${NAMES[name]}, local`,
        `<h2>Subscriptions</h2>${bought.join('') || '<p>Nothing was bought yet.</p>'}
        <h2>Payments</h2><ul>${[...shop.payments.values()]
          .toReversed()
          .map((one) => payment(name, one))
          .join('')}</ul>
        <h2>Open checkouts</h2><ul>${open.map((one) => openCheckout(name, one)).join('')}</ul>
        <h2>Webhooks</h2>${button(name, 'Hold them back', { act: 'hold' })}
        ${button(name, 'Send what was held back, newest first', { act: 'release' })}<ul>${events.join('')}</ul>`,
      ),
    )
  }
}

function subscription({ name, shop }: PaymentService, one: Subscription): string {
  const product = shop.products.get(one.productId)
  const paid = shop.orders.filter(({ subscriptionId }) => subscriptionId === one.id)
  const orders = paid.map(
    ({ cents, reason, paid }) => `<li>${reason}: ${dollars(cents)}${paid ? '' : ', not paid'}</li>`,
  )
  const next = shop.products.get(one.pending?.productId ?? '')
  const planned = one.cancelAtPeriodEnd ? ', ends then' : next ? `, then ${escapeHtml(next.name)}` : ''
  return `<article><h2>${escapeHtml(product?.name ?? one.productId)}: ${one.status}</h2>
    <small>${escapeHtml(one.customer.email)}, <code>${one.id}</code>, until <time>${one.periodEnd.toISOString()}</time>${planned}</small>
    <ul>${orders.join('')}</ul>
    ${one.endedAt ? '' : BUTTONS.map(([act, label]) => button(name, label, { act, subscription: one.id })).join(' ')}</article>`
}

/** The labels and actions of a payment's buttons. */
const OF_PAYMENTS = [
  ['refund', 'Refund'],
  ['fail_refund', 'Fail the last refund'],
  ['lose_dispute', 'Lose a dispute'],
] as const

function payment(name: string, { id, checkout, cents, refundedCents }: Payment): string {
  const refunded = refundedCents > 0 ? `, ${dollars(refundedCents)} refunded` : ''
  const acts = OF_PAYMENTS.filter(([act]) => name === 'stripe' || act !== 'lose_dispute') // Polar sends no event about one
  const buttons = acts.map(([act, label]) => button(name, label, { act, payment: id }))
  return `<li>${dollars(cents)} of credits, ${escapeHtml(checkout.customer.email)}${refunded} ${buttons.join(' ')}</li>`
}

const openCheckout = (name: string, { id, customer }: Checkout) =>
  `<li><a href="/${name}/checkout/${id}">${escapeHtml(customer.email)}</a></li>`

function button(name: string, label: string, act: object): string {
  const body = escapeHtml(JSON.stringify(JSON.stringify(act)))
  return `<button onclick="fetch('/${name}/act', { method: 'POST', body: ${body} }).then(() => location.reload())">${label}</button>`
}

/** The page where a customer pays, without a card. */
export function checkoutPage(service: PaymentService) {
  return function answer({ url }: Call): Reply {
    const checkout = service.shop.checkouts.get(url.pathname.split('/').at(-1) ?? '')
    if (!checkout) return service.unknown()
    const product = service.shop.products.get(checkout.productId)
    const { cents } = checkout
    const title = cents === undefined ? describePrice(service, checkout) : `Pay ${dollars(cents)}`
    const body = checkout.status === 'open' ? payForm(checkout, url) : `<p>This checkout is ${checkout.status}.</p>`
    const name = cents === undefined ? (product?.name ?? '') : 'Prepaid credits'
    const what = `<p>${escapeHtml(name)}, for ${escapeHtml(checkout.customer.email)}. No card is asked for: this is ${NAMES[service.name]} on this machine.</p>`
    return html(200, page(title, what + body))
  }
}

function describePrice({ shop }: PaymentService, checkout: Checkout): string {
  const later = checkout.trialDays ? `, after ${checkout.trialDays} days` : ''
  return `Pay ${dollars(sumCents(shop, checkout))} a ${intervalOf(shop, checkout)}${later}`
}

function payForm({ cancelUrl }: Checkout, { search }: URL): string {
  const declined = search === '?declined' ? '<p><strong>The card was declined.</strong></p>' : ''
  const isLink = cancelUrl !== null && /^https?:/.test(cancelUrl)
  const cancel = isLink ? `<p><a href="${escapeHtml(cancelUrl)}" rel="noreferrer">Back</a></p>` : ''
  return `${declined}<form method="post"><button autofocus>Pay</button></form>${cancel}`
}
