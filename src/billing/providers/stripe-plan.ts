import * as z from 'zod'
import { canonicalJson } from '../../lib/canonical-json.ts'
import { errorFields, log } from '../../lib/log.ts'
import { Problem } from '../../problems.ts'
import type { Caller } from './http.ts'
import type { PlanSwitch, ProviderSubscription } from './provider.ts'
import { listBeside, phasesAgain, phasesFrom } from './stripe-schedule.ts'
import {
  planItem,
  StripeSchedule,
  type StripeScheduleRead,
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

/** A subscription that was canceled there a moment ago is not charged: Stripe itself would change it. */
export async function changePlan(stripe: Caller, change: PlanSwitch): Promise<ProviderSubscription> {
  const read = await getSubscription(stripe, change.subscriptionId)
  if (isEnding(read, change)) throw new Problem('subscription_ending')
  if (change.when === 'period_end') await scheduleChange(stripe, read, change)
  else await changeNow(stripe, read, change)
  return toSubscription(await getSubscription(stripe, change.subscriptionId))
}

/** The end may be a date instead of the flag. */
function isEnding(read: StripeSubscriptionRead, { planProducts }: PlanSwitch): boolean {
  const { current_period_end: end } = planItem(read, planProducts)
  return read.cancel_at_period_end || (read.cancel_at !== undefined && end !== undefined && read.cancel_at <= end)
}

export async function cancelAtPeriodEnd(stripe: Caller, id: string): Promise<ProviderSubscription> {
  await withoutSchedule(stripe, await getSubscription(stripe, id), { body: { cancel_at_period_end: true } })
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
  const body = {
    items: changedItems(read, change),
    proration_behavior: 'always_invoice',
    payment_behavior: 'error_if_incomplete',
  }
  await withoutSchedule(stripe, read, { body, idempotencyKey: change.idempotencyKey })
}

interface Request {
  readonly body: object
  readonly idempotencyKey?: string
}

/**
 * Changes a subscription that may have a schedule. With one it accepts no other changes, so the schedule is released, and
 * with it the planned change. If nothing comes of the request, both are made again.
 */
async function withoutSchedule(stripe: Caller, read: StripeSubscriptionRead, request: Request): Promise<void> {
  const { schedule } = read
  const id = typeof schedule === 'string' ? schedule : schedule?.id
  try {
    if (id !== undefined) await stripe.ask(['POST', `${schedulePath(id)}/release`], Anything, { body: {} })
    await stripe.ask(['POST', toPath(read.id)], Anything, request)
  } catch (error) {
    if (typeof schedule === 'object' && schedule !== null) await tryReschedule(stripe, read, schedule)
    throw error
  }
}

/** If it fails, the planned change is lost, and a person has to know. */
async function tryReschedule(stripe: Caller, read: StripeSubscriptionRead, lost: StripeScheduleRead): Promise<void> {
  try {
    const now = await getSubscription(stripe, read.id)
    if (!isAsBefore(read, now)) return
    const body = { from_subscription: read.id }
    const made = await stripe.ask(['POST', '/subscription_schedules'], StripeSchedule, { body })
    await stripe.ask(['POST', schedulePath(made.id)], Anything, {
      body: {
        end_behavior: lost.end_behavior ?? 'release',
        proration_behavior: 'none',
        phases: phasesAgain(made, lost),
      },
    })
  } catch (error) {
    log('error', 'billing_planned_change_lost', { subscription_id: read.id, ...errorFields(error) })
  }
}

/** A request without an answer may have arrived: then what was planned before it is over. */
function isAsBefore(before: StripeSubscriptionRead, now: StripeSubscriptionRead): boolean {
  return !now.schedule && !now.cancel_at_period_end && describeItems(before) === describeItems(now)
}

const describeItems = ({ items }: StripeSubscriptionRead) =>
  canonicalJson(items.data.map(({ id, price, quantity }) => [id, price.id, quantity]))

/** The changes to the items of a subscription. Items that are not named stay. */
function changedItems(read: StripeSubscriptionRead, { plan: wanted, ofPlans = [], ...change }: PlanSwitch) {
  const plan = planItem(read, change.planProducts)
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
  const plan = planItem(read, change.planProducts)
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

const schedulePath = (id: string) => `/subscription_schedules/${encodeURIComponent(id)}`
