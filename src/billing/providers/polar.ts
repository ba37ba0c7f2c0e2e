import type { Config } from '../../config.ts'
import { readPayments, readPolarOrder } from './credit-payments.ts'
import { type Caller, openCaller, readRows, TIMEOUT_MS, withCheckoutId } from './http.ts'
import {
  flawsOfEvents,
  isPolarCustomerMissing,
  PolarCheckout,
  PolarCreated,
  PolarPage,
  PolarReceipt,
  PolarSession,
  PolarSubscription,
  polarReason,
} from './polar-shapes.ts'
import type { BillingProvider, CheckoutInput, PlanSwitch, UsageAmount, UsageReceipt } from './provider.ts'
import { retryLimited } from './retry-limited.ts'
import { createPolarTopUp } from './top-up.ts'

/** Polar's API is versioned by date. Code for this version keeps working until it is raised. */
const VERSION = '2026-04'
/** The largest page size. */
const PAGE = '100'

/** Polar, by plain requests to its API. @see https://polar.sh/docs/api-reference */
export function openPolar({
  POLAR_API_URL,
  POLAR_ACCESS_TOKEN,
  POLAR_CREDIT_PRODUCT_ID: credits,
}: Config): BillingProvider {
  const polar = openCaller({
    name: 'polar',
    baseUrl: POLAR_API_URL,
    headers: {
      Authorization: `Bearer ${POLAR_ACCESS_TOKEN}`,
      'Content-Type': 'application/json',
      'Polar-Version': VERSION,
    },
    encode: (body) => JSON.stringify(body),
    reason: polarReason,
    lacksCustomer: isPolarCustomerMissing,
  })
  const patch = (id: string, body: object) => patchSubscription(polar, id, body)
  return {
    name: 'polar',
    createCheckout: async (input) => {
      const { id, url } = await polar.ask(['POST', '/checkouts/'], PolarCheckout, { body: buildCheckout(input) })
      return { id, url }
    },
    ...(credits !== undefined && { createTopUp: (input) => createPolarTopUp(polar, credits, input) }),
    createPortal: async ({ customerId, returnUrl }) => {
      const body = { customer_id: customerId, return_url: returnUrl }
      const session = await polar.ask(['POST', '/customer-sessions/'], PolarSession, { body })
      return { url: session.customer_portal_url }
    },
    getSubscription: (id) => polar.find(toPath(id), PolarSubscription),
    listSubscriptions: (cursor) => listSubscriptions(polar, cursor),
    listCreditPayments: (since, cursor) => listCreditPayments(polar, since, cursor),
    findSubscriptions: (of) => findSubscriptions(polar, of),
    changePlan: ({ subscriptionId, plan, isSeatsOnly = false, when }) =>
      patch(subscriptionId, {
        ...(isSeatsOnly ? { seats: plan.quantity } : { product_id: plan.product }),
        proration_behavior: PRORATION[when],
      }),
    cancelAtPeriodEnd: (id) => patch(id, { cancel_at_period_end: true }),
    resume: (id) => resume(polar, id),
    sendUsage: (amounts) => sendUsage(polar, amounts),
    sendUsageMs: LIMITED_MS + 2 * TIMEOUT_MS,
  }
}

const patchSubscription = (polar: Caller, id: string, body: object) =>
  polar.ask(['PATCH', toPath(id)], PolarSubscription, { body })

/** Polar refuses a request that changes several things, so each change is a request of its own. */
async function resume(polar: Caller, id: string) {
  const patch = (body: object) => patchSubscription(polar, id, body)
  let now = await polar.ask(['GET', toPath(id)], PolarSubscription)
  if (now.status === 'paused') now = await patch({ resume: true })
  if (now.cancelAtPeriodEnd) now = await patch({ cancel_at_period_end: false })
  return now.pauseAtPeriodEnd ? patch({ pause_at_period_end: false }) : now
}

/** `invoice`: the difference is charged now, and without a payment nothing changes. */
const PRORATION: Readonly<Record<PlanSwitch['when'], string>> = { now: 'invoice', period_end: 'next_period' }

const toPath = (subscriptionId: string) => `/subscriptions/${encodeURIComponent(subscriptionId)}`

function buildCheckout(input: CheckoutInput) {
  const { organizationId, plan, currency, trialDays = 0, email, name, successUrl, cancelUrl, customerId } = input
  return {
    products: [plan.product],
    ...(plan.quantity !== undefined && { seats: plan.quantity }),
    ...(currency !== undefined && { currency }),
    ...(trialDays > 0 ? { trial_interval: 'day', trial_interval_count: trialDays } : { allow_trial: false }),
    ...(customerId === undefined ? { external_customer_id: organizationId } : { customer_id: customerId }),
    customer_email: email,
    ...(name !== undefined && { customer_name: name.slice(0, 256) }),
    success_url: withCheckoutId(successUrl, '{CHECKOUT_ID}'),
    return_url: cancelUrl,
    metadata: { org_id: organizationId },
  }
}

/** In the order of creation, so that a new subscription moves none to another page. */
async function listSubscriptions(polar: Caller, cursor = '1') {
  const query = { page: cursor, limit: PAGE, sorting: 'started_at' }
  const { items, pagination } = await polar.ask(['GET', '/subscriptions/'], PolarPage, { query })
  const page = Number(cursor)
  const { read: subscriptions, unreadable } = readRows('polar', PolarSubscription, items)
  return { subscriptions, unreadable, next: page < pagination.max_page ? String(page + 1) : undefined }
}

/** Orders cannot be filtered by time: the newest come first, and a page that reaches further back is the last. */
async function listCreditPayments(polar: Caller, since: Date, cursor = '1') {
  const query = { page: cursor, limit: PAGE, sorting: '-created_at', product_billing_type: 'one_time' }
  const { items, pagination } = await polar.ask(['GET', '/orders/'], PolarPage, { query })
  const [oldest, page] = [PolarCreated.safeParse(items.at(-1)).data?.created_at, Number(cursor)]
  const isLast = page >= pagination.max_page || (oldest !== undefined && oldest < since)
  return { ...readPayments('polar', readPolarOrder, items), next: isLast ? undefined : String(page + 1) }
}

/** A customer can pay for several organizations. Only the subscriptions of this organization are returned. */
async function findSubscriptions(polar: Caller, of: { organizationId: string; customerId?: string | undefined }) {
  const { organizationId, customerId } = of
  const whose = customerId === undefined ? { external_customer_id: organizationId } : { customer_id: customerId }
  const query = { ...whose, limit: PAGE, sorting: '-started_at' }
  const { items } = await polar.ask(['GET', '/subscriptions/'], PolarPage, { query })
  return readRows('polar', PolarSubscription, items).read.filter((one) => one.organizationId === organizationId)
}

/**
 * Polar refuses a whole batch for one invalid event. The events that it names are removed, and the rest is sent once
 * more.
 */
async function sendUsage(polar: Caller, amounts: readonly UsageAmount[]): Promise<UsageReceipt> {
  const end = Date.now() + LIMITED_MS
  const first = await retryLimited(end, () => ingest(polar, amounts))
  if (first === undefined) return { ...NOTHING, taken: amounts.map(toKey) }
  const refused = amounts.flatMap((amount, place) => {
    const reason = first.get(place)
    return reason === undefined ? [] : [{ idempotencyKey: amount.idempotencyKey, reason }]
  })
  const rest = amounts.filter((_, place) => !first.has(place))
  const second = rest.length === 0 ? undefined : await retryLimited(end, () => ingest(polar, rest))
  return { ...NOTHING, taken: second === undefined ? rest.map(toKey) : [], refused }
}

/** How long a batch waits when Polar limits its rate. */
const LIMITED_MS = 20_000

const NOTHING: UsageReceipt = { taken: [], refused: [], postponed: [], contradicted: [] }

const toKey = ({ idempotencyKey }: UsageAmount) => idempotencyKey

/** @returns undefined if Polar accepted the batch, or the errors by event; then it accepted none */
async function ingest(polar: Caller, amounts: readonly UsageAmount[]): Promise<Map<number, string> | undefined> {
  const answer = await polar.attempt('POST', '/events/ingest', { body: { events: amounts.map(toEvent) } })
  if (answer.status < 400 && PolarReceipt.safeParse(answer.body).success) return undefined
  const flaws = flawsOfEvents(answer.body)
  if (flaws.size === 0) throw polar.toProblem(answer)
  return flaws
}

function toEvent({ idempotencyKey, customerId, meter, value, at }: UsageAmount) {
  return {
    name: meter,
    customer_id: customerId,
    external_id: idempotencyKey,
    timestamp: at.toISOString(),
    metadata: { value },
  }
}
