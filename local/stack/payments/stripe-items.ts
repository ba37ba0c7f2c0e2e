/** The items of a Stripe subscription, as a form changes them. */

import type { Reply } from '../http.ts'
import type { Shop, Subscription } from './shop.ts'
import { stripeError } from './stripe-errors.ts'
import { type Form, textAt } from './stripe-form.ts'
import { toItemId } from './stripe-shapes.ts'

/** The price of the first item, and those of the others. */
export interface Prices {
  readonly productId: string
  readonly extras: readonly string[]
}

const formsAt = (form: Form, name: string): Form[] =>
  Object.values(form[name] ?? {}).filter((one): one is Form => typeof one === 'object')

/** What a new subscription, or a phase, consists of. @returns undefined for nothing */
export function newItems(shop: Shop, form: Form, name: string): Prices | Reply | undefined {
  const items = formsAt(form, name)
  const [productId, ...extras] = items.map((item) => textAt(item, 'price') ?? '')
  return refusal(shop, items, name) ?? (productId === undefined ? undefined : { productId, extras })
}

/** What becomes of a subscription's items: one with an id is changed or deleted, one without is added, all others stay. */
export function changedItems(shop: Shop, subscription: Subscription, form: Form): Prices | Reply {
  const items = formsAt(form, 'items')
  const refused = refusal(shop, items, 'items')
  if (refused) return refused
  let prices: Prices | undefined = { productId: subscription.productId, extras: subscription.extras ?? [] }
  for (const item of items) {
    prices = changedBy(subscription, prices, item)
    if (!prices) return stripeError('resource_missing', 'No such subscription item.', 'items')
  }
  const all = [prices.productId, ...prices.extras]
  if (new Set(all).size === all.length) return prices
  return stripeError('invalid_request', 'A subscription cannot have the same price twice.', 'items')
}

/** @returns undefined for an item that there is not */
function changedBy(subscription: Subscription, { productId, extras }: Prices, item: Form): Prices | undefined {
  const [id, price] = [textAt(item, 'id'), textAt(item, 'price')]
  if (id === toItemId(subscription)) return { productId: price ?? productId, extras }
  const rest = extras.filter((extra) => toItemId(subscription, extra) !== id)
  if (id !== undefined && rest.length === extras.length) return undefined
  return { productId, extras: textAt(item, 'deleted') === 'true' || price === undefined ? rest : [...rest, price] }
}

function refusal({ products }: Shop, items: readonly Form[], name: string): Reply | undefined {
  for (const [place, item] of items.entries()) {
    const price = textAt(item, 'price')
    if (price !== undefined && !products.has(price))
      return stripeError('resource_missing', `No such price: '${price}'`, `${name}[${place}][price]`)
    if (price !== undefined && products.get(price)?.metered && textAt(item, 'quantity') !== undefined)
      return stripeError('invalid_request', 'Quantity is not for metered prices.', `${name}[${place}][quantity]`)
  }
  return undefined
}
