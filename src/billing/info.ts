import type * as z from 'zod'
import { toFamily, toVersion } from '../db/plan-version.ts'
import { isReservedName } from '../db/schema/meter-names.ts'
import { forEachMeter, type Meter, MONEY_METERS, NUMBER_METERS } from '../db/schema/meters.ts'
import type { BookedAddons } from '../db/schema/shapes.ts'
import type { ManagementDeps } from '../deps.ts'
import { dateToIso } from '../lib/iso.ts'
import { errorFields, log } from '../lib/log.ts'
import { formatUsd } from '../lib/usd.ts'
import type { Amount } from '../limits/meter-units.ts'
import { getUse, readQuotas } from '../limits/quotas.ts'
import type { MeterReading } from '../rpc-types.ts'
import { computeOverage } from './overage/overage.ts'
import { toCataloguePrice } from './plans/plan.ts'
import { findPrice, totalCents } from './plans/prices.ts'
import { configuredProviders, providerNamed } from './providers/configured.ts'
import type { NextCharge, PaymentMethod, ProviderName, ProviderSubscription } from './providers/provider.ts'
import { type Account, getAccount, listCharged, type OfferedPlan, type Subscription } from './queries.ts'
import type { BillingInfo, BillingSubscription } from './schemas.ts'
import { readSelection } from './selection.ts'
import { type CapRow, findCap } from './spend-cap/queries.ts'

/** Answers of the provider are included only if they arrive in time. The rest does not wait for them. */
const PROVIDER_TIMEOUT_MS = 2_000

/** Everything about an organization's billing right now. @throws Problem `organization_not_found` */
export async function billingInfo(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof BillingInfo>> {
  const [account, quotas, { period }, cap] = await Promise.all([
    getAccount(deps.db, organizationId),
    readQuotas(deps, organizationId),
    getUse(deps.sql, organizationId, deps.now()),
    findCap(deps.db, organizationId, deps.now()),
  ])
  const { organization, current, plans } = account
  const plan = plans.find(({ id }) => id === organization.planId)
  const charged = await listCharged(deps.db, organizationId, new Date(period.start))
  const [method, found] = current ? await askProvider(deps, current) : []
  const overage = computeOverage(plan, quotas.meters, charged)
  return {
    organization_id: organization.id,
    plan: {
      id: toFamily(organization.planId),
      version: toVersion(organization.planId),
      name: plan?.name ?? '',
      price: describePrice(account, plan),
      price_per_call_usd: plan?.pricePerCallUsd ? formatUsd(plan.pricePerCallUsd) : null,
    },
    ...describeBought(current),
    next_charge: nextCharge(account, overage.total_cents, found),
    usage: { period: quotas.period, resets_at: quotas.resets_at, meters: describeUsage(quotas.meters) },
    overage,
    spend_cap: describeCap(cap),
    payment_method: toMethod(method),
    providers: configuredProviders(deps.config).map(({ name }) => name),
  }
}

function describeCap(cap: CapRow | undefined) {
  if (!cap?.cost_usd || !cap.action) return null
  return { cost_usd: formatUsd(cap.cost_usd), action: cap.action, used: formatUsd(cap.used) }
}

/** The price that the subscription pays, else the one that the plan is usually sold at. */
function describePrice({ current }: Account, plan: OfferedPlan | undefined) {
  const isPaid = current?.planId === plan?.id
  const price = (isPaid && current && plan && findPrice(plan.prices, current)) || plan?.prices[0]
  return price ? toCataloguePrice(price) : null
}

const describeBought = (current: Subscription | undefined) =>
  current
    ? { status: current.status, provider: current.provider, subscription: toSubscription(current) }
    : { status: 'none' as const, provider: null, subscription: null }

type Readings = Awaited<ReturnType<typeof readQuotas>>['meters']

function describeUsage(meters: Readings) {
  const read = <M extends Meter>(meter: M) => {
    const { limit, used, remaining, percent, overage } = meters[meter] as MeterReading<Amount<M>>
    return { limit, used, remaining, percent, overage }
  }
  const custom = Object.keys(meters).filter((name) => !isReservedName(name))
  const own = custom.map((slug) => [slug, read(slug as Exclude<Meter, 'cost_usd'>)] as const)
  return { ...Object.fromEntries(own), ...forEachMeter(NUMBER_METERS, read), ...forEachMeter(MONEY_METERS, read) }
}

/** States without an automatic charge, or without a known one. */
const NOT_CHARGED: ReadonlySet<Subscription['status']> = new Set(['canceled', 'paused', 'unpaid', 'incomplete'])

/**
 * The provider's next charge, and this period's overage; null if there is no charge, or if it is not known. For a plan
 * that begins with the next period, only the list price is known, which does not apply if other prices were negotiated.
 */
function nextCharge(account: Account, overageCents: number, found: ProviderSubscription | undefined) {
  const { current } = account
  const { currentPeriodEnd: end, endedAt, cancelAtPeriodEnd, pauseAtPeriodEnd } = current ?? {}
  if (!current || !end || endedAt || NOT_CHARGED.has(current.status)) return null
  if (cancelAtPeriodEnd || pauseAtPeriodEnd)
    return describeCharge({ at: end, amount: 0, currency: 'usd' }, overageCents)
  const charge = priceAfter(account, current, found)
  return charge ? describeCharge(charge, overageCents) : null
}

function priceAfter(account: Account, current: Subscription, found: ProviderSubscription | undefined) {
  const listed = listedCents(account, current)
  const now = found?.nextCharge ?? (found && listedCharge(current, listed))
  if (!now || current.pending === null) return now
  const { plan, ...terms } = current.pending
  const amount = listedCents(account, { ...current, ...terms, planId: plan })
  const isListed = now.currency === current.currency && now.amount === listed
  return isListed && amount !== undefined ? { ...now, amount } : undefined
}

function listedCents(account: Account, bought: Subscription): number | undefined {
  const selection = readSelection(account, bought)
  return selection && totalCents(selection)
}

/** Stripe gives no single amount for a price in tiers, as that of seats is. */
function listedCharge({ currentPeriodEnd: at, currency }: Subscription, amount: number | undefined) {
  return at && amount !== undefined ? { at, amount, currency } : undefined
}

/** Overage is in US dollars, so its amount in another currency is not known. */
function describeCharge({ at, amount, currency }: NextCharge, overageCents: number) {
  if (amount + overageCents === 0 || (overageCents > 0 && currency !== 'usd')) return null
  return { at: at.toISOString(), amount_cents: amount + overageCents, currency }
}

function askProvider(deps: ManagementDeps, { provider: name, providerSubscriptionId: id }: Subscription) {
  const provider = providerNamed(deps.config, name)
  return Promise.all([
    withTimeout(name, provider?.getPaymentMethod?.(id)),
    withTimeout(name, provider?.getSubscription(id)),
  ])
}

/** Waits for the provider, and returns undefined if it fails or is late. */
async function withTimeout<T>(
  provider: ProviderName,
  pending: Promise<T | undefined> | undefined,
): Promise<T | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PROVIDER_TIMEOUT_MS))
  try {
    return await Promise.race([pending, late])
  } catch (error) {
    log('warn', 'billing_info_unread', { provider, ...errorFields(error) })
    return undefined
  }
}

function toMethod(method: PaymentMethod | undefined) {
  if (!method) return null
  const { brand, last4, expiresMonth, expiresYear } = method
  return { brand, last4, expires_month: expiresMonth, expires_year: expiresYear }
}

const toAddonList = (addons: BookedAddons) => Object.entries(addons).map(([id, quantity]) => ({ id, quantity }))

/** A subscription as its customer sees it. */
export function toSubscription(row: Subscription): z.output<typeof BillingSubscription> {
  return {
    provider: row.provider,
    status: row.status,
    plan: toFamily(row.planId),
    plan_version: toVersion(row.planId),
    interval: row.interval,
    currency: row.currency,
    seats: row.seats,
    addons: toAddonList(row.addons),
    pending_plan: row.pendingPlanId === null ? null : toFamily(row.pendingPlanId),
    pending: row.pending && {
      plan: toFamily(row.pending.plan),
      interval: row.pending.interval,
      seats: row.pending.seats,
      addons: toAddonList(row.pending.addons),
    },
    current_period_start: dateToIso(row.currentPeriodStart),
    current_period_end: dateToIso(row.currentPeriodEnd),
    cancel_at_period_end: row.cancelAtPeriodEnd,
    pause_at_period_end: row.pauseAtPeriodEnd,
    trial_end: dateToIso(row.trialEnd),
    past_due_since: dateToIso(row.pastDueSince),
  }
}
