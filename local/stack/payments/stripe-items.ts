/** The items of a Stripe subscription, and how a form changes them. */

import type { Reply } from '../http.ts'
import type { Bought, Extra } from './bought.ts'
import { toCurrency, toInterval } from './products.ts'
import type { Shop, Subscription } from './shop.ts'
import { stripeError } from './stripe-errors.ts'
import { type Form, textAt } from './stripe-form.ts'
import { toItemId } from './stripe-shapes.ts'

const formsAt = (form: Form, name: string): Form[] =>
  Object.values(form[name] ?? {}).filter((one): one is Form => typeof one === 'object')

/** @returns undefined if the form does not say */
function readQuantity(item: Form): number | undefined {
  const text = textAt(item, 'quantity')
  return text === undefined ? undefined : Number(text)
}

/** A quantity of one is implied. */
const toQuantity = (quantity: number | undefined) => (quantity === 1 ? undefined : quantity)

/** The items of a new subscription or phase. @returns undefined for none */
export function newItems(shop: Shop, form: Form, name: string): Bought | Reply | undefined {
  const items = formsAt(form, name)
  const [first, ...extras] = items.map((item) => ({
    price: textAt(item, 'price') ?? '',
    quantity: toQuantity(readQuantity(item)),
  }))
  const bought = first && { productId: first.price, quantity: first.quantity, extras }
  return refusal(shop, items, name) ?? (bought && (refuseMixed(shop, bought, name) ?? bought))
}

/** The changed items of a subscription: one with an id is changed or deleted, one without is added, all others stay. */
export function changedItems(shop: Shop, subscription: Subscription, form: Form): Bought | Reply {
  const items = formsAt(form, 'items')
  const refused = refusal(shop, items, 'items')
  if (refused) return refused
  const { productId, quantity, extras = [] } = subscription
  let bought: Required<Bought> | undefined = { productId, quantity, extras }
  for (const item of items) {
    bought = changedBy(subscription, bought, item)
    if (!bought) return stripeError('resource_missing', 'No such subscription item.', 'items')
  }
  const all = [bought.productId, ...(bought.extras ?? []).map(({ price }) => price)]
  if (new Set(all).size === all.length) return refuseMixed(shop, bought, 'items') ?? bought
  return stripeError('invalid_request', 'A subscription cannot have the same price twice.', 'items')
}

/** @returns undefined for an item that does not exist */
function changedBy(subscription: Subscription, bought: Required<Bought>, item: Form): Required<Bought> | undefined {
  const { productId, quantity, extras = [] } = bought
  const id = textAt(item, 'id')
  if (id === toItemId(subscription)) {
    const { price, ...counted } = changeExtra({ price: productId, quantity }, item)
    return { productId: price, ...counted, extras }
  }
  const place =
    id === undefined ? extras.length : extras.findIndex((extra) => toItemId(subscription, extra.price) === id)
  if (place < 0) return undefined
  const isDeleted = textAt(item, 'deleted') === 'true'
  const changed = isDeleted ? [] : [changeExtra(extras[place] ?? { price: '' }, item)]
  return { productId, quantity, extras: extras.toSpliced(place, 1, ...changed) }
}

function changeExtra({ price, quantity }: Extra, item: Form) {
  const count = readQuantity(item)
  return { price: textAt(item, 'price') ?? price, quantity: count === undefined ? quantity : toQuantity(count) }
}

function refusal({ products }: Shop, items: readonly Form[], name: string): Reply | undefined {
  for (const [place, item] of items.entries()) {
    const price = textAt(item, 'price')
    if (price !== undefined && !products.has(price))
      return stripeError('resource_missing', `No such price: '${price}'`, `${name}[${place}][price]`)
    const refused = refuseQuantity(
      products.get(price ?? '')?.metered,
      readQuantity(item),
      `${name}[${place}][quantity]`,
    )
    if (refused) return refused
  }
  return undefined
}

function refuseQuantity(
  isMetered: boolean | undefined,
  quantity: number | undefined,
  param: string,
): Reply | undefined {
  if (quantity === undefined) return undefined
  if (isMetered) return stripeError('invalid_request', 'Quantity is not for metered prices.', param)
  if (Number.isInteger(quantity) && quantity >= 0) return undefined
  return stripeError('parameter_invalid_integer', 'Invalid integer.', param)
}

/** All items must have one currency, and those that are not metered one interval. */
function refuseMixed({ products }: Shop, { productId, extras = [] }: Bought, name: string): Reply | undefined {
  const all = [productId, ...extras.map(({ price }) => price)].map((price) => products.get(price))
  if (new Set(all.map(toCurrency)).size > 1)
    return stripeError('invalid_request', 'All prices on a subscription must use the same currency.', name)
  if (new Set(all.filter((product) => !product?.metered).map(toInterval)).size > 1)
    return stripeError('invalid_request', 'All prices on a subscription must have the same interval.', name)
  return undefined
}
