/**
 * Overage as Stripe charges it: invoice items of the cents that the ledger holds. A metered price of Stripe's would price
 * usage by what the subscription has when the invoice closes, which after a change of plan is another plan's price.
 */
import * as z from 'zod'
import type { Caller } from './http.ts'
import type { UsageAmount, UsageReceipt } from './provider.ts'
import { reference, stripeReason } from './stripe-shapes.ts'

/** Amounts under way at once: the platform opens at most six connections for a request. */
const AT_ONCE = 5
/** The largest page there is, and as many as are read to find an item. */
const PAGE = '100'
const MAX_PAGES = 20
/** Where an item says of which amount it is. */
const KEY = 'ledger_row'

const Item = z.object({
  id: z.string().min(1),
  invoice: reference,
  metadata: z.record(z.string(), z.unknown()).nullish(),
})
type Item = z.output<typeof Item>
const ItemPage = z.object({ data: z.array(Item), has_more: z.boolean() })

/** The item, or why Stripe will never take it. */
type Sent = { readonly item: Item } | { readonly reason: string }

/** Stripe takes items one by one. One that has no answer is reported neither as taken nor as refused. */
export async function sendUsage(stripe: Caller, amounts: readonly UsageAmount[]): Promise<UsageReceipt> {
  const taken: string[] = []
  const refused: { idempotencyKey: string; reason: string }[] = []
  const failures: unknown[] = []
  let isDown = false
  for (let from = 0; from < amounts.length && !isDown; from += AT_ONCE) {
    const some = amounts.slice(from, from + AT_ONCE)
    const results = await Promise.allSettled(some.map((amount) => sendAmount(stripe, amount)))
    for (const [place, { idempotencyKey }] of some.entries()) {
      const result = results[place]
      if (result?.status !== 'fulfilled') failures.push(result?.reason)
      else if (result.value === undefined) taken.push(idempotencyKey)
      else refused.push({ idempotencyKey, reason: result.value })
    }
    isDown = results.every(({ status }) => status === 'rejected') // one alone that fails stops none behind it
  }
  if (failures.length > 0 && taken.length + refused.length === 0) throw failures[0]
  return { taken, refused }
}

/** @returns undefined when it is on an invoice or will be, or why it never will */
async function sendAmount(stripe: Caller, amount: UsageAmount): Promise<string | undefined> {
  const known = amount.generation === 0 ? undefined : await findItem(stripe, amount)
  const sent = known ? { item: known } : await createItem(stripe, amount)
  if ('reason' in sent) return sent.reason
  if (amount.subscriptionId === undefined) await invoiceNow(stripe, amount, sent.item)
  return undefined
}

/** The parameters follow from the ledger alone: Stripe refuses a key that comes back with others. */
async function createItem(stripe: Caller, amount: UsageAmount): Promise<Sent> {
  const { idempotencyKey, generation, customerId, organizationId, meter, value, unitsPerOne } = amount
  const body = {
    customer: customerId,
    subscription: amount.subscriptionId,
    currency: 'usd',
    amount: String(amount.cents),
    description: `${meter}: ${value / unitsPerOne} above the plan's limit`,
    discountable: false, // the price was agreed on; a coupon is for what is subscribed to
    period: { start: toSeconds(amount.periodStart), end: toSeconds(amount.at) },
    metadata: { org_id: organizationId, meter, units: String(value), [KEY]: idempotencyKey },
  }
  const key = generation === 0 ? idempotencyKey : `${idempotencyKey}:${generation}`
  const answer = await stripe.attempt('POST', '/invoiceitems', { body, idempotencyKey: key })
  if (answer.status < 400) return { item: Item.parse(answer.body) }
  if (answer.status === 409) throw stripe.refusalOf(answer) // another request with this key is under way
  return { reason: stripeReason(answer.body) ?? `Stripe answered ${answer.status}.` }
}

/** @throws where there are more items than anybody reads: nothing is sent that may be there already */
async function findItem(stripe: Caller, amount: UsageAmount): Promise<Item | undefined> {
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
  throw new Error('Stripe lists too many invoice items to find one.')
}

/**
 * Puts what waits for a customer on an invoice, which Stripe finalizes within the hour and collects. An item is on one
 * invoice at most, so this may be repeated: what is there by now is looked up, since a repeated POST tells of the first one.
 */
async function invoiceNow(stripe: Caller, { customerId, organizationId }: UsageAmount, { id }: Item): Promise<void> {
  const item = await stripe.ask(['GET', `/invoiceitems/${encodeURIComponent(id)}`], Item)
  if (item.invoice !== undefined) return
  const body = {
    customer: customerId,
    currency: 'usd',
    auto_advance: true,
    pending_invoice_items_behavior: 'include',
    metadata: { org_id: organizationId },
  }
  const answer = await stripe.attempt('POST', '/invoices', { body })
  if (answer.status < 400 || isInvoiced(answer.body)) return
  throw stripe.refusalOf(answer)
}

/** Another run was faster, and nothing is left to be put on an invoice. */
const Empty = z.object({ error: z.object({ code: z.literal('invoice_no_customer_line_items') }) })
const isInvoiced = (body: unknown) => Empty.safeParse(body).success

const toSeconds = (time: Date) => Math.floor(time.getTime() / 1000)
