/** Stripe's invoice items and invoices: what waits for a customer, which invoice takes it, and which accepts nothing more. */
import { randomBytes } from 'node:crypto'
import { type Call, json, type Reply } from '../http.ts'
import { mapPart } from '../memory.ts'
import type { Customer, Order, Shop, Subscription } from './shop.ts'
import { stripeError } from './stripe-errors.ts'
import { type Form, textAt, textsAt } from './stripe-form.ts'
import { type Invoice, type InvoiceItem, stripeInvoice, stripeInvoiceItem } from './stripe-invoice-shapes.ts'

/** How long Stripe leaves a draft open before it finalizes it. */
const DRAFT_MS = 3_600_000
/** Per invoice. */
const MAX_ITEMS = 250

export type StripeInvoices = ReturnType<typeof createStripeInvoices>

export function createStripeInvoices(shop: Shop) {
  const items = new Map<string, InvoiceItem>()
  const drafts = new Map<string, Invoice>()
  shop.pullItems = (subscription, orderId) => pull(orderId, (item) => isDueWith(shop, subscription, item))

  /** Adds items to an invoice. @returns their sum */
  function pull(invoiceId: string, isMeant: (item: InvoiceItem) => boolean): number {
    const taken = [...items.values()].filter(isMeant).slice(0, MAX_ITEMS)
    for (const item of taken) item.invoiceId = invoiceId
    return taken.reduce((sum, { amount }) => sum + amount, 0)
  }

  const linesOf = (id: string) => [...items.values()].filter(({ invoiceId }) => invoiceId === id)
  const findOrder = (id: string) => shop.orders.find((order) => order.id === id)

  /** @returns an invoice of a subscription, or a manual one, in its current state */
  function find(id: string): Invoice | undefined {
    const order = findOrder(id)
    if (order) return toInvoice(order)
    const draft = drafts.get(id)
    if (draft?.status === 'draft' && draft.autoAdvance && Date.now() - draft.createdAt.getTime() >= DRAFT_MS)
      finalize(draft)
    return draft
  }

  function finalize(draft: Invoice): void {
    const total = linesOf(draft.id).reduce((sum, { amount }) => sum + amount, 0)
    const canPay = draft.paymentMethod !== undefined && !shop.customers.get(draft.customerId)?.cardFails
    const isPaid = total <= 0 || (draft.autoAdvance && canPay)
    Object.assign(draft, { status: isPaid ? 'paid' : 'open' })
  }

  const show = (invoice: Invoice) => stripeInvoice(invoice, linesOf(invoice.id))

  function createItem(form: Form): Reply {
    const refusal = findRefusal(form)
    if (refusal) return refusal
    const now = new Date()
    const [start, end] = ['start', 'end'].map((name) => Number(textAt(form, 'period', name) ?? toSeconds(now)))
    const item: InvoiceItem = {
      id: `ii_${randomBytes(12).toString('hex')}`,
      customerId: textAt(form, 'customer') ?? '',
      subscriptionId: textAt(form, 'subscription') ?? null,
      invoiceId: textAt(form, 'invoice') ?? null,
      amount: readAmount(form),
      currency: textAt(form, 'currency')?.toLowerCase() ?? 'usd',
      description: textAt(form, 'description') ?? null,
      isDiscountable: textAt(form, 'discountable') !== 'false',
      period: { start: start ?? 0, end: end ?? 0 },
      metadata: textsAt(form, 'metadata'),
      createdAt: now,
    }
    items.set(item.id, item)
    return json(200, stripeInvoiceItem(item))
  }

  function findRefusal(form: Form): Reply | undefined {
    const [customer, subscription, invoice] = ['customer', 'subscription', 'invoice'].map((one) => textAt(form, one))
    return (
      refuseCustomer(shop, customer) ??
      refuseAmount(form) ??
      (subscription === undefined ? undefined : refuseSubscription(shop, subscription, customer)) ??
      (invoice === undefined ? undefined : refuseInvoice(find(invoice), invoice))
    )
  }

  function refuseInvoice(invoice: Invoice | undefined, id: string): Reply | undefined {
    if (!invoice) return stripeError('resource_missing', `No such invoice: '${id}'`, 'invoice')
    if (invoice.status !== 'draft')
      return stripeError('invoice_not_editable', 'This invoice is no longer editable.', 'invoice')
    if (linesOf(id).length < MAX_ITEMS) return undefined
    return stripeError('invalid_request', `An invoice has at most ${MAX_ITEMS} items.`, 'invoice')
  }

  function listItems({ url }: Call): Reply {
    const asked = url.searchParams
    const [customer, invoice, pending] = ['customer', 'invoice', 'pending'].map((name) => asked.get(name))
    const since = Number(asked.get('created[gte]') ?? 0)
    const found = [...items.values()]
      .filter((one) => !customer || one.customerId === customer)
      .filter((one) => !invoice || one.invoiceId === invoice)
      .filter((one) => !pending || (one.invoiceId === null) === (pending === 'true'))
      .filter(({ createdAt }) => toSeconds(createdAt) >= since)
    return listPage(url, found.toReversed(), stripeInvoiceItem)
  }

  /** A manual invoice: a draft of what waits for its customer, or an empty one. */
  function create(form: Form): Reply {
    const customerId = textAt(form, 'customer') ?? ''
    const refusal = refuseCustomer(shop, customerId)
    if (refusal) return refusal
    const method = textAt(form, 'default_payment_method')
    if (method !== undefined && method !== `pm_${customerId}`)
      return stripeError('resource_missing', `No such PaymentMethod: '${method}'`, 'default_payment_method')
    const isMeant = (item: InvoiceItem) =>
      item.customerId === customerId && item.invoiceId === null && item.subscriptionId === null
    const isFilled = textAt(form, 'pending_invoice_items_behavior') === 'include'
    if (isFilled && ![...items.values()].some(isMeant))
      return stripeError('invoice_no_customer_line_items', 'Nothing to invoice for customer')
    const id = shop.newId('order')
    if (isFilled) pull(id, isMeant)
    const rest = {
      cents: 0,
      subscriptionId: null,
      subscriptionMetadata: {},
      reason: 'manual',
      status: 'draft',
    } as const
    const [autoAdvance, createdAt] = [textAt(form, 'auto_advance') === 'true', new Date()]
    const draft: Invoice = { id, customerId, autoAdvance, createdAt, paymentMethod: method, ...rest }
    drafts.set(id, draft)
    return json(200, show(draft))
  }

  function finalizeOne(id: string): Reply {
    const invoice = find(id)
    if (!invoice) return notFound()
    if (invoice.status !== 'draft')
      return stripeError('invoice_not_editable', 'This invoice is already finalized, you cannot re-finalize it.')
    finalize(invoice)
    return json(200, show(invoice))
  }

  /** Collects the payment of an open invoice now. */
  function payOne(id: string): Reply {
    const invoice = find(id)
    if (!invoice) return notFound()
    if (invoice.status !== 'open') return stripeError('invoice_not_payable', 'This invoice is not open.')
    if (shop.customers.get(invoice.customerId)?.cardFails)
      return stripeError('card_declined', 'Your card was declined.', undefined, 402)
    Object.assign(invoice, { status: 'paid' })
    return json(200, show(invoice))
  }

  function list({ url }: Call): Reply {
    const [customer, subscription, status] = ['customer', 'subscription', 'status'].map((one) =>
      url.searchParams.get(one),
    )
    const found = [...shop.orders.map(({ id }) => id), ...drafts.keys()]
      .flatMap((id) => find(id) ?? [])
      .filter((one) => !customer || one.customerId === customer)
      .filter((one) => !subscription || one.subscriptionId === subscription)
      .filter((one) => !status || one.status === status)
      .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime())
    return listPage(url, found, show)
  }

  /** What joins a payment to its invoice. A payment of anything else has none. */
  function listPayments({ url }: Call): Reply {
    const payment = url.searchParams.get('payment[payment_intent]') ?? ''
    const order = findOrder(payment.replace('pi_', 'in_'))
    const paid = order?.paid ? [{ id: payment.replace('pi_', 'inpay_'), object: 'invoice_payment', order }] : []
    return listPage(url, paid, ({ order: one, ...rest }) => ({
      ...rest,
      status: 'paid',
      invoice: show(toInvoice(one)),
    }))
  }

  function toInvoice(order: Order): Invoice {
    const { id, customerId, subscriptionId, cents, currency, reason, createdAt, paid } = order
    const subscriptionMetadata = shop.subscriptions.get(subscriptionId)?.metadata ?? {}
    const status = paid ? 'paid' : 'open'
    const sum = { id, customerId, subscriptionId, subscriptionMetadata, cents, currency, reason, createdAt }
    return { ...sum, status, autoAdvance: true }
  }

  const showOne = <T>(found: T | undefined, shape: (one: T) => object) => (found ? json(200, shape(found)) : notFound())

  return {
    createItem,
    listItems,
    showItem: (id: string) => showOne(items.get(id), stripeInvoiceItem),
    create,
    finalize: finalizeOne,
    pay: payOne,
    list,
    listPayments,
    showInvoice: (id: string) => showOne(find(id), show),
    /** As in a webhook. */
    describe: (order: Order) => show(toInvoice(order)),
    listAll: () => [...items.values()].map(stripeInvoiceItem),
    memory: { items: mapPart(items), drafts: mapPart(drafts) },
  }
}

/** A renewal takes items that wait for its subscription or for any, and those on an unpaid invoice that it replaces. */
function isDueWith({ orders }: Shop, { id, customer }: Subscription, item: InvoiceItem): boolean {
  if (item.subscriptionId !== id && (item.subscriptionId !== null || item.customerId !== customer.id)) return false
  if (item.invoiceId === null) return true
  return orders.some((order) => order.id === item.invoiceId && order.subscriptionId === id && !order.paid)
}

function refuseCustomer(shop: Shop, id: string | undefined): Reply | undefined {
  if (id === undefined || id === '')
    return stripeError('parameter_missing', 'Missing required param: customer.', 'customer')
  const customer: Customer | undefined = shop.customers.get(id)
  return customer ? undefined : stripeError('resource_missing', `No such customer: '${id}'`, 'customer')
}

function refuseSubscription(shop: Shop, id: string, customer: string | undefined): Reply | undefined {
  const found = shop.subscriptions.get(id)
  if (!found || found.customer.id !== customer)
    return stripeError('resource_missing', `No such subscription: '${id}'`, 'subscription')
  if (!found.endedAt) return undefined
  return stripeError('invalid_request', 'A canceled subscription takes no invoice items.', 'subscription')
}

/** Whole cents, or a decimal of a unit with at most twelve decimals. */
function refuseAmount(form: Form): Reply | undefined {
  const [amount, decimal, currency] = ['amount', 'unit_amount_decimal', 'currency'].map((one) => textAt(form, one))
  if (!/^[a-z]{3}$/i.test(currency ?? ''))
    return stripeError('parameter_missing', 'Missing required param: currency.', 'currency')
  if (amount === undefined && decimal === undefined)
    return stripeError('parameter_missing', 'Missing required param: amount.', 'amount')
  return refuseNumbers(amount, decimal)
}

function refuseNumbers(amount: string | undefined, decimal: string | undefined): Reply | undefined {
  if (amount !== undefined && decimal !== undefined)
    return stripeError('parameter_unknown', 'You may only specify one of these: amount, unit_amount_decimal.')
  if (amount !== undefined && !/^-?\d{1,12}$/.test(amount))
    return stripeError('parameter_invalid_integer', `Invalid integer: ${amount}`, 'amount')
  if (decimal !== undefined && !/^-?\d{1,12}(?:\.\d{1,12})?$/.test(decimal))
    return stripeError('parameter_invalid_decimal', `Invalid decimal: ${decimal}`, 'unit_amount_decimal')
  return undefined
}

function readAmount(form: Form): number {
  const [amount, decimal] = [textAt(form, 'amount'), textAt(form, 'unit_amount_decimal')]
  if (amount !== undefined) return Number(amount)
  return Math.round(Number(decimal) * Number(textAt(form, 'quantity') ?? 1))
}

function listPage<T extends { readonly id: string }>(url: URL, all: readonly T[], shape: (one: T) => object): Reply {
  const after = url.searchParams.get('starting_after')
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
  const limit = Math.min(100, Number(url.searchParams.get('limit')) || 10)
  const data = all.slice(from, from + limit).map(shape)
  return json(200, { object: 'list', url: url.pathname, data, has_more: all.length > from + limit })
}

const toSeconds = (time: Date) => Math.floor(time.getTime() / 1_000)
const notFound = () => stripeError('resource_missing', 'No such object.', 'id', 404)
