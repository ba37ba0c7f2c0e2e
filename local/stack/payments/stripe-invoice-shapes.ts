/** Stripe's invoice items and invoices as in its API and webhooks. */

export interface InvoiceItem {
  readonly id: string
  readonly customerId: string
  readonly subscriptionId: string | null
  /** Null while it waits for an invoice. */
  invoiceId: string | null
  /** In cents, negative for a credit. */
  readonly amount: number
  readonly currency: string
  readonly description: string | null
  readonly isDiscountable: boolean
  /** Unix seconds. */
  readonly period: { readonly start: number; readonly end: number }
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: Date
}

export interface Invoice {
  readonly id: string
  readonly customerId: string
  readonly subscriptionId: string | null
  readonly subscriptionMetadata: Readonly<Record<string, string>>
  /** Including its items; a manual invoice has nothing else. */
  readonly cents: number
  /** US dollars for a manual invoice. */
  readonly currency?: string
  readonly reason: string
  readonly status: 'draft' | 'open' | 'paid'
  readonly autoAdvance: boolean
  /** The payment method; for a subscription's invoice, that of the subscription. */
  readonly paymentMethod?: string | undefined
  readonly createdAt: Date
}

const seconds = (time: Date) => Math.floor(time.getTime() / 1_000)

export function stripeInvoiceItem(item: InvoiceItem) {
  const { id, amount, currency, customerId, description, isDiscountable, invoiceId, metadata, period } = item
  return {
    id,
    object: 'invoiceitem',
    amount,
    currency,
    customer: customerId,
    customer_account: null,
    date: seconds(item.createdAt),
    description,
    discountable: isDiscountable,
    discounts: [],
    invoice: invoiceId,
    livemode: false,
    metadata,
    parent: parentOf(item.subscriptionId),
    period,
    pricing: null,
    proration: false,
    quantity: 1,
    quantity_decimal: '1',
    tax_rates: [],
    test_clock: null,
  }
}

/** @param items those on the invoice; the rest of the charge is the subscription's own line */
export function stripeInvoice(invoice: Invoice, items: readonly InvoiceItem[]) {
  const { id, customerId, subscriptionId, subscriptionMetadata, reason, status, autoAdvance, createdAt } = invoice
  const added = items.reduce((sum, { amount }) => sum + amount, 0)
  const cents = subscriptionId === null ? added : invoice.cents
  return {
    id,
    object: 'invoice',
    created: seconds(createdAt),
    customer: customerId,
    status,
    auto_advance: autoAdvance,
    billing_reason: reason,
    collection_method: 'charge_automatically',
    currency: invoice.currency ?? 'usd',
    subtotal: cents,
    total: cents,
    amount_due: Math.max(0, cents),
    amount_paid: status === 'paid' ? Math.max(0, cents) : 0,
    attempt_count: status === 'draft' ? 0 : 1,
    lines: {
      object: 'list',
      has_more: false,
      url: `/v1/invoices/${id}/lines`,
      data: [...(subscriptionId === null ? [] : [ownLine(invoice, cents - added)]), ...items.map(itemLine)],
    },
    parent:
      subscriptionId === null
        ? null
        : {
            type: 'subscription_details',
            subscription_details: { subscription: subscriptionId, metadata: subscriptionMetadata },
          },
    livemode: false,
  }
}

function ownLine({ id, subscriptionId, currency = 'usd' }: Invoice, amount: number) {
  return {
    id: id.replace('in_', 'il_'),
    object: 'line_item',
    amount,
    currency,
    invoice: id,
    metadata: {},
    parent: { type: 'subscription_item_details', subscription_item_details: { subscription: subscriptionId } },
  }
}

function itemLine(item: InvoiceItem) {
  const { id, amount, currency, description, isDiscountable, invoiceId, metadata, period, subscriptionId } = item
  return {
    id: id.replace('ii_', 'il_'),
    object: 'line_item',
    amount,
    currency,
    description,
    discountable: isDiscountable,
    invoice: invoiceId,
    metadata,
    parent: {
      type: 'invoice_item_details',
      invoice_item_details: { invoice_item: id, proration: false, subscription: subscriptionId },
    },
    period,
  }
}

const parentOf = (subscription: string | null) =>
  subscription === null ? null : { type: 'subscription_details', subscription_details: { subscription } }
