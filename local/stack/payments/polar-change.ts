/** What a Polar subscription can be changed to, and what a checkout can request. */
import * as z from 'zod'
import { type Call, json, parseJson, type Reply } from '../http.ts'
import * as shapes from './polar-shapes.ts'
import { invalid } from './polar-usage.ts'
import { type Product, toCurrency } from './products.ts'
import * as shops from './shop.ts'

type Shop = shops.Shop
type Subscription = shops.Subscription

/** The seats, currency and trial of a checkout. */
export const Terms = z.object({
  seats: z.int().min(1).nullish(),
  currency: z.string().length(3).nullish(),
  allow_trial: z.boolean().default(true),
  trial_interval: z.enum(['day']).nullish(),
  trial_interval_count: z.int().min(1).max(1000).nullish(),
})

export const toTerms = (product: Product, body: z.output<typeof Terms>) => ({
  quantity: product.seats && (body.seats ?? product.seats.included),
  currency: body.currency ?? undefined,
  trialDays: (body.allow_trial && body.trial_interval_count) || undefined,
})

export function findFlaw(product: Product, { seats, currency }: z.output<typeof Terms>) {
  if (currency && currency !== toCurrency(product) && product.currencies?.[currency] === undefined)
    return { path: ['currency'], message: 'Product has no price in this currency.' }
  if (typeof seats !== 'number') return undefined
  return product.seats ? seatsFlaw(product.seats, seats) : { path: ['seats'], message: 'Product has no seats.' }
}

function seatsFlaw({ included, max }: NonNullable<Product['seats']>, seats: number) {
  if (seats < included) return { path: ['seats'], message: `Minimum seats is ${included}.` }
  if (max !== undefined && seats > max) return { path: ['seats'], message: `Maximum seats is ${max}.` }
  return undefined
}

const Proration = z.enum(['invoice', 'prorate', 'next_period']).default('prorate')

const Patch = z.union([
  z.strictObject({ cancel_at_period_end: z.boolean() }),
  z.strictObject({ pause_at_period_end: z.boolean(), resumes_at: z.iso.datetime().nullish() }),
  z.strictObject({ revoke: z.literal(true) }),
  z.strictObject({ resume: z.literal(true) }),
  z.strictObject({
    product_id: z.string(),
    proration_behavior: Proration,
  }),
  z.strictObject({ seats: z.int().min(1), proration_behavior: Proration }),
])

export function change(shop: Shop, call: Call, id: string): Reply {
  const parsed = Patch.safeParse(parseJson(call.body))
  return parsed.success ? applyPatch(parsed.data, shop, id) : invalid(parsed.error.issues)
}

export function applyPatch(patch: z.output<typeof Patch>, shop: Shop, id: string): Reply {
  const subscription = shop.subscriptions.get(id)
  if (!subscription) return notFound()
  if (subscription.endedAt) return alreadyCanceled()
  if ('resume' in patch) return resume(shop, subscription)
  if ('pause_at_period_end' in patch) return planPause(shop, subscription, patch.pause_at_period_end)
  if ('revoke' in patch) shops.revoke(shop, subscription)
  else if ('cancel_at_period_end' in patch) shops.planCancel(shop, subscription, patch.cancel_at_period_end)
  else return changeBought(shop, subscription, patch)
  return json(200, shapes.polarSubscription(subscription, shop))
}

type BoughtPatch = Extract<z.output<typeof Patch>, { proration_behavior: string }>

/** A product or a number of seats: no call changes both. */
function changeBought(shop: Shop, subscription: Subscription, patch: BoughtPatch): Reply {
  const refused =
    'seats' in patch
      ? refuseSeats(shop, subscription, patch.seats)
      : refuseProduct(shop, subscription, patch.product_id)
  if (refused) return refused
  const { productId, quantity } = subscription
  const wanted = 'seats' in patch ? { productId, quantity: patch.seats } : { productId: patch.product_id, quantity }
  if (patch.proration_behavior === 'next_period') shops.planProduct(shop, subscription, wanted)
  else if (!shops.changeProduct(shop, subscription, wanted))
    return json(402, { error: 'PaymentFailed', detail: 'The payment failed: Your card was declined.' })
  return json(200, shapes.polarSubscription(subscription, shop))
}

function refuseSeats(shop: Shop, { productId, cancelAtPeriodEnd }: Subscription, seats: number): Reply | undefined {
  if (cancelAtPeriodEnd) return alreadyCanceled()
  const sold = shop.products.get(productId)?.seats
  if (!sold) return json(400, { error: 'NotASeatBasedSubscription', detail: 'This subscription is not seat-based.' })
  const flaw = seatsFlaw(sold, seats)
  return flaw && json(400, { error: 'BelowMinimumSeats', detail: flaw.message })
}

function refuseProduct(
  shop: Shop,
  { productId, trialEnd, cancelAtPeriodEnd }: Subscription,
  wanted: string,
): Reply | undefined {
  if (cancelAtPeriodEnd) return alreadyCanceled()
  if (trialEnd)
    return json(403, {
      error: 'TrialingSubscription',
      detail: 'This subscription is in a trial period and cannot be updated.',
    })
  const [before, after] = [shop.products.get(productId), shop.products.get(wanted)]
  if (!after) return invalid([{ path: ['product_id'], message: 'Product does not exist.' }])
  if (before?.seats && !after.seats)
    return invalid([{ path: ['product_id'], message: "Can't switch from a seat-based to a non-seat-based product." }])
  return undefined
}

const alreadyCanceled = () =>
  json(403, { error: 'AlreadyCanceledSubscription', detail: 'This subscription is already canceled.' })

function resume(shop: Shop, subscription: Subscription): Reply {
  if (subscription.status !== 'paused')
    return json(403, { error: 'InactiveSubscription', detail: 'This subscription is not paused.' })
  shops.turn(shop, subscription, 'unpaused')
  return json(200, shapes.polarSubscription(subscription, shop))
}

export function planPause(shop: Shop, subscription: Subscription, isPlanned: boolean): Reply {
  if (subscription.cancelAtPeriodEnd) return alreadyCanceled()
  if (subscription.status === 'paused')
    return json(403, { error: 'InactiveSubscription', detail: 'This subscription is not active.' })
  shops.touch(subscription, { pauseAtPeriodEnd: isPlanned })
  shop.tell('plan_change_planned', { subscription }) // `subscription.updated`
  return json(200, shapes.polarSubscription(subscription, shop))
}

export const notFound = () => json(404, { error: 'ResourceNotFound', detail: 'Not found' })
