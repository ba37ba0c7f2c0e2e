import * as z from 'zod'
import { Problem } from '../../problems.ts'
import type { Caller } from './http.ts'
import type { PlanSwitch, ProviderSubscription } from './provider.ts'
import { listBeside, phasesFrom } from './stripe-schedule.ts'
import {
  planItem,
  StripeSchedule,
  StripeSubscription,
  type StripeSubscriptionRead,
  toSubscription,
} from './stripe-shapes.ts'

const WITH_SCHEDULE = { 'expand[0]': 'schedule', 'expand[1]': 'customer' }
const Anything = z.unknown()

export const toPath = (subscriptionId: string) => `/subscriptions/${encodeURIComponent(subscriptionId)}`

export async function findSubscription(stripe: Caller, id: string): Promise<ProviderSubscription | undefined> {
  const found = await stripe.find(toPath(id), StripeSubscription, { query: WITH_SCHEDULE })
  return found && toSubscription(found)
}

export async function changePlan(stripe: Caller, change: PlanSwitch): Promise<ProviderSubscription> {
  const read = await getSubscription(stripe, change.subscriptionId)
  if (change.when === 'period_end') await scheduleChange(stripe, read, change)
  else await changeNow(stripe, read, change)
  return toSubscription(await getSubscription(stripe, change.subscriptionId))
}

export async function cancelAtPeriodEnd(stripe: Caller, id: string): Promise<ProviderSubscription> {
  await release(stripe, await getSubscription(stripe, id))
  await stripe.ask(['POST', toPath(id)], Anything, { body: { cancel_at_period_end: true } })
  return toSubscription(await getSubscription(stripe, id))
}

/**
 * The end may be set as a flag, or as a date by Stripe's portal; Stripe does not accept both at once. A pause is either
 * a pause of collection, or the state after an unpaid trial, which has its own call.
 */
export async function resume(stripe: Caller, id: string): Promise<ProviderSubscription> {
  const read = await getSubscription(stripe, id)
  const end = read.cancel_at_period_end || !read.cancel_at ? { cancel_at_period_end: false } : { cancel_at: '' }
  const body = { ...end, ...(read.pause_collection && { pause_collection: '' }) }
  await stripe.ask(['POST', toPath(id)], Anything, { body })
  if (read.status === 'paused') await stripe.ask(['POST', `${toPath(id)}/resume`], Anything, { body: {} })
  return toSubscription(await getSubscription(stripe, id))
}

async function getSubscription(stripe: Caller, id: string): Promise<StripeSubscriptionRead> {
  const found = await stripe.find(toPath(id), StripeSubscription, { query: WITH_SCHEDULE })
  if (!found) throw new Problem('billing_refused', { detail: 'The payment provider has no such subscription.' })
  return found
}

/**
 * The difference is charged now; without a payment nothing changes. Metered prices follow the plan. With this behavior,
 * Stripe invoices the use of removed metered prices, which `none` would not charge.
 */
async function changeNow(stripe: Caller, read: StripeSubscriptionRead, change: PlanSwitch): Promise<void> {
  await release(stripe, read)
  const body = {
    items: changedItems(read, change),
    proration_behavior: 'always_invoice',
    payment_behavior: 'error_if_incomplete',
  }
  await stripe.ask(['POST', toPath(read.id)], Anything, { body, idempotencyKey: change.idempotencyKey })
}

/** The changes to the items of a subscription. Items that are not named stay. */
function changedItems(read: StripeSubscriptionRead, { plan: wanted, ofPlans = [], ...change }: PlanSwitch) {
  const plan = planItem(read, ofPlans)
  const others = read.items.data.filter(({ id }) => id !== plan.id)
  const beside = listBeside(change)
  const gone = others.filter(
    ({ price }) => ofPlans.includes(price.id) && beside.every(({ product }) => product !== price.id),
  )
  const changed = beside.flatMap(
    ({ product, quantity }): { id?: string; price?: string; quantity?: number | undefined }[] => {
      const item = others.find(({ price }) => price.id === product)
      if (!item) return [{ price: product, quantity }]
      return quantity === undefined || item.quantity === quantity ? [] : [{ id: item.id, quantity }]
    },
  )
  return [
    { id: plan.id, price: wanted.product, quantity: wanted.quantity },
    ...gone.map(({ id }) => ({ id, deleted: true })),
    ...changed,
  ]
}

/**
 * A schedule with the current items to the period's end, and the new items after that. After its last phase it releases
 * the subscription.
 */
async function scheduleChange(stripe: Caller, read: StripeSubscriptionRead, change: PlanSwitch): Promise<void> {
  const plan = planItem(read, change.ofPlans)
  const until = plan.current_period_end
  if (!until) throw new Problem('billing_refused', { detail: 'The subscription has no period.' })
  const schedule = await readSchedule(stripe, read, change.idempotencyKey)
  const body = {
    end_behavior: schedule.end_behavior ?? 'release',
    proration_behavior: 'none',
    phases: phasesFrom(schedule, Math.floor(until.getTime() / 1000), { ...change, planPrice: plan.price.id }),
  }
  await stripe.ask(['POST', schedulePath(schedule.id)], Anything, { body })
}

async function readSchedule(stripe: Caller, read: StripeSubscriptionRead, idempotencyKey: string) {
  if (typeof read.schedule === 'object' && read.schedule !== null) return read.schedule
  const body = { from_subscription: read.id }
  return stripe.ask(['POST', '/subscription_schedules'], StripeSchedule, { body, idempotencyKey })
}

/** A subscription with a schedule accepts no other changes. Releasing it also drops the planned change. */
async function release(stripe: Caller, { schedule }: StripeSubscriptionRead): Promise<void> {
  const id = typeof schedule === 'string' ? schedule : schedule?.id
  if (id !== undefined) await stripe.ask(['POST', `${schedulePath(id)}/release`], Anything, { body: {} })
}

const schedulePath = (id: string) => `/subscription_schedules/${encodeURIComponent(id)}`
