/**
 * Overage as Stripe charges it: invoice items of the cents in the ledger. A metered price at Stripe would price
 * usage by the subscription's price when the invoice closes, which after a change of plan is another plan's price.
 */
import * as z from 'zod'
import { Problem } from '../../problems.ts'
import { type Caller, refusalReason, TIMEOUT_MS } from './http.ts'
import type { InvoiceState, UsageAmount, UsageReceipt } from './provider.ts'
import { retryLimited } from './retry-limited.ts'
import { reference, stripeReason } from './stripe-shapes.ts'

/** Concurrent amounts: the platform opens at most six connections for a request. */
const AT_ONCE = 5
/** The largest page size, and how many pages are read to find an item. */
const PAGE = '100'
const MAX_PAGES = 20
/** The metadata field that identifies an item's amount. */
const KEY = 'ledger_row'
/** The currency of the ledger. */
const CURRENCY = 'usd'

/** No amount is started after this; the remaining ones stay open. */
const BEGIN_MS = 60_000
/**
 * Calls for one amount: find its item (`MAX_PAGES`), create it, read its invoice before and after, find a card, and
 * create the invoice.
 */
const MAX_CALLS = MAX_PAGES + 5
export const SEND_USAGE_MS = BEGIN_MS + MAX_CALLS * TIMEOUT_MS

const Item = z.object({
  id: z.string().min(1),
  invoice: reference,
  metadata: z.record(z.string(), z.unknown()).nullish(),
})
type Item = z.output<typeof Item>
const FoundItem = Item.extend({ amount: z.number(), currency: z.string() })
const ItemPage = z.object({ data: z.array(FoundItem), has_more: z.boolean() })

/** The outcome of one amount. Without a conclusive response it is `unanswered`. */
type Outcome =
  | { readonly kind: 'taken'; readonly invoiceId?: string | undefined }
  | { readonly kind: Exclude<keyof UsageReceipt, 'taken'>; readonly reason: string }
  | { readonly kind: 'unanswered'; readonly error: unknown }

/** Stripe accepts items one by one. */
export async function sendUsage(stripe: Caller, amounts: readonly UsageAmount[]): Promise<UsageReceipt> {
  const end = Date.now() + BEGIN_MS
  const sent: { readonly idempotencyKey: string; readonly outcome: Outcome }[] = []
  let isDown = false
  for (let from = 0; from < amounts.length && !isDown && Date.now() < end; from += AT_ONCE) {
    const some = amounts.slice(from, from + AT_ONCE).map(async (amount) => ({
      idempotencyKey: amount.idempotencyKey,
      outcome: await trySend(stripe, amount, end),
    }))
    const results = await Promise.all(some)
    sent.push(...results)
    isDown = results.every(({ outcome }) => outcome.kind === 'unanswered') // a single failing amount must not stop those behind it
  }
  const failed = sent.flatMap(({ outcome }) => (outcome.kind === 'unanswered' ? [outcome.error] : []))
  if (failed.length > 0 && failed.length === sent.length) throw failed[0]
  const having = (kind: Exclude<keyof UsageReceipt, 'taken'>) =>
    sent.flatMap(({ idempotencyKey, outcome }) =>
      outcome.kind === kind && 'reason' in outcome ? [{ idempotencyKey, reason: outcome.reason }] : [],
    )
  return {
    taken: sent.filter(({ outcome }) => outcome.kind === 'taken').map(({ idempotencyKey }) => idempotencyKey),
    invoices: new Map(
      sent.flatMap(({ idempotencyKey, outcome }) =>
        outcome.kind === 'taken' && outcome.invoiceId !== undefined ? [[idempotencyKey, outcome.invoiceId]] : [],
      ),
    ),
    refused: having('refused'),
    postponed: having('postponed'),
    contradicted: having('contradicted'),
  }
}

async function trySend(stripe: Caller, amount: UsageAmount, end: number): Promise<Outcome> {
  try {
    return await retryLimited(end, () => sendAmount(stripe, amount))
  } catch (error) {
    const reason = refusalReason(error)
    return reason === undefined ? { kind: 'unanswered', error } : { kind: 'postponed', reason }
  }
}

/** @throws Problem for a refusal that may not last */
async function sendAmount(stripe: Caller, amount: UsageAmount): Promise<Outcome> {
  const known = amount.generation === 0 ? undefined : await findItem(stripe, amount)
  if (known && (known.currency !== CURRENCY || BigInt(known.amount) !== amount.cents))
    return { kind: 'contradicted', reason: describeContradiction(known, amount) }
  const sent = known ? { item: known } : await createItem(stripe, amount)
  if ('reason' in sent) return { kind: 'refused', reason: sent.reason }
  const invoiceId = amount.subscriptionId === undefined ? await invoiceNow(stripe, amount, sent.item) : undefined
  return { kind: 'taken', invoiceId }
}

const describeContradiction = ({ id, amount, currency }: z.output<typeof FoundItem>, { cents }: UsageAmount) =>
  `Stripe has the invoice item ${id} of this row with ${amount} ${currency} cents, and the ledger has ${cents} ${CURRENCY} cents.`

/** The item, or the reason why Stripe will never accept it. */
type Sent = { readonly item: Item } | { readonly reason: string }

/** The parameters are derived only from the ledger: Stripe refuses a key that is repeated with other parameters. */
async function createItem(stripe: Caller, amount: UsageAmount): Promise<Sent> {
  const { idempotencyKey, generation, customerId, organizationId, meter, value, unitsPerOne } = amount
  const body = {
    customer: customerId,
    subscription: amount.subscriptionId,
    currency: CURRENCY,
    amount: String(amount.cents),
    description: `${meter}: ${value / unitsPerOne} above the plan's limit`,
    discountable: false, // the price was agreed on; coupons are for the subscription
    period: { start: toSeconds(amount.periodStart), end: toSeconds(amount.at) },
    metadata: { org_id: organizationId, meter, units: String(value), [KEY]: idempotencyKey },
  }
  const key = generation === 0 ? idempotencyKey : `${idempotencyKey}:${generation}`
  const answer = await stripe.attempt('POST', '/invoiceitems', { body, idempotencyKey: key })
  if (answer.status < 400) return { item: Item.parse(answer.body) }
  if (answer.status === 409) throw stripe.toProblem(answer) // another request with this key is in progress
  return { reason: stripeReason(answer.body) ?? `Stripe answered ${answer.status}.` }
}

/** @throws if there are more items than are read: an amount that may be there already must not be sent */
async function findItem(stripe: Caller, amount: UsageAmount): Promise<z.output<typeof FoundItem> | undefined> {
  let after: string | undefined
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = {
      customer: amount.customerId,
      'created[gte]': String(toSeconds(amount.periodStart)),
      limit: PAGE,
      ...(after !== undefined && { starting_after: after }),
    }
    const { data, has_more } = await stripe.ask(['GET', '/invoiceitems'], ItemPage, { query })
    const found = data.find(({ metadata }) => metadata?.[KEY] === amount.idempotencyKey)
    after = data.at(-1)?.id
    if (found || !has_more || after === undefined) return found
  }
  throw new Problem('billing_refused', { detail: 'Stripe lists too many invoice items to find the one of this row.' })
}

/**
 * Puts a customer's pending items on an invoice, which Stripe finalizes within the hour and collects. An item is on at
 * most one invoice, so this can be repeated. The current state is read, because a repeated POST returns the first
 * response.
 *
 * @returns the invoice's id
 */
async function invoiceNow(stripe: Caller, { customerId, organizationId }: UsageAmount, { id }: Item) {
  const findInvoice = async () => (await stripe.ask(['GET', `/invoiceitems/${encodeURIComponent(id)}`], Item)).invoice
  const known = await findInvoice()
  if (known !== undefined) return known
  const body = {
    customer: customerId,
    default_payment_method: await findPaymentMethod(stripe, customerId),
    currency: CURRENCY,
    auto_advance: true,
    pending_invoice_items_behavior: 'include',
    metadata: { org_id: organizationId },
  }
  const answer = await stripe.attempt('POST', '/invoices', { body })
  if (answer.status < 400 || isInvoiced(answer.body)) return findInvoice()
  throw stripe.toProblem(answer)
}

const Invoice = z.object({ status: z.string().nullish(), attempt_count: z.number().nullish() })

/**
 * A draft that was deleted at Stripe (404) is void. An open invoice is unpaid once a payment failed, although Stripe
 * retries for days.
 */
export async function getInvoiceState(stripe: Caller, id: string): Promise<InvoiceState> {
  const found = await stripe.find(`/invoices/${encodeURIComponent(id)}`, Invoice)
  if (!found) return 'void'
  const { status, attempt_count: attempts } = found
  if (status === 'paid' || status === 'void') return status
  return status === 'uncollectible' || (status === 'open' && (attempts ?? 0) > 0) ? 'unpaid' : 'open'
}

/**
 * What the customer pays their latest subscription with. Checkout stores it at the subscription alone, so that an invoice of
 * its own would have nothing to be paid with.
 *
 * @returns undefined where no subscription has one: then the customer's own default counts, which Stripe knows
 */
async function findPaymentMethod(stripe: Caller, customer: string): Promise<string | undefined> {
  const query = { customer, status: 'all', limit: PAGE }
  const { data } = await stripe.ask(['GET', '/subscriptions'], PaidWith, { query })
  return data.find((one) => one.default_payment_method !== undefined)?.default_payment_method
}

const PaidWith = z.object({ data: z.array(z.object({ default_payment_method: reference })) })

/** Another run was faster, and nothing is left to be put on an invoice. */
const Empty = z.object({ error: z.object({ code: z.literal('invoice_no_customer_line_items') }) })
const isInvoiced = (body: unknown) => Empty.safeParse(body).success

const toSeconds = (time: Date) => Math.floor(time.getTime() / 1000)
