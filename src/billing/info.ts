import type * as z from 'zod'
import { forEachMeter, type Meter, MONEY_METERS, NUMBER_METERS } from '../db/schema/meters.ts'
import type { ManagementDeps } from '../deps.ts'
import { dateToIso } from '../lib/iso.ts'
import { errorFields, log } from '../lib/log.ts'
import type { Amount } from '../limits/meter-units.ts'
import { getUse, readQuotas } from '../limits/quotas.ts'
import type { MeterReading } from '../rpc-types.ts'
import { computeOverage } from './overage/overage.ts'
import { configuredProviders, providerNamed } from './providers/configured.ts'
import type { NextCharge, PaymentMethod, ProviderName } from './providers/provider.ts'
import { type Account, getAccount, listCharged, type Subscription } from './queries.ts'
import type { BillingInfo, BillingSubscription } from './schemas.ts'

/** Answers of the provider are included only if they arrive in time. The rest does not wait for them. */
const PROVIDER_TIMEOUT_MS = 2_000

/** Everything about an organization's billing right now. @throws Problem `organization_not_found` */
export async function billingInfo(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof BillingInfo>> {
  const [account, quotas, { period }] = await Promise.all([
    getAccount(deps.db, organizationId),
    readQuotas(deps, organizationId),
    getUse(deps.sql, organizationId, deps.now()),
  ])
  const { organization, current, plans } = account
  const plan = plans.find(({ id }) => id === organization.planId)
  const charged = await listCharged(deps.db, organizationId, new Date(period.start))
  const [method, found] = current ? await askProvider(deps, current) : []
  const overage = computeOverage(plan, quotas.meters, charged)
  return {
    organization_id: organization.id,
    plan: { id: organization.planId, name: plan?.name ?? '', price_per_month_cents: plan?.pricePerMonthCents ?? null },
    ...describeBought(current),
    next_charge: nextCharge(account, overage.total_cents, found?.nextCharge),
    usage: { period: quotas.period, resets_at: quotas.resets_at, meters: describeUsage(quotas.meters) },
    overage,
    payment_method: toMethod(method),
    providers: configuredProviders(deps.config).map(({ name }) => name),
  }
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
  return { ...forEachMeter(NUMBER_METERS, read), ...forEachMeter(MONEY_METERS, read) }
}

/** States without an automatic charge, or without a known one. */
const NOT_CHARGED: ReadonlySet<Subscription['status']> = new Set(['canceled', 'paused', 'unpaid', 'incomplete'])

/**
 * The provider's next charge, and this period's overage; null if there is no charge, or if it is not known. For a plan
 * that begins with the next period, only the list price is known, which does not apply if other prices were negotiated.
 */
function nextCharge({ current, plans }: Account, overageCents: number, found: NextCharge | undefined) {
  const { currentPeriodEnd: end, endedAt, cancelAtPeriodEnd, pauseAtPeriodEnd } = current ?? {}
  if (!current || !end || endedAt || NOT_CHARGED.has(current.status)) return null
  if (cancelAtPeriodEnd || pauseAtPeriodEnd)
    return describeCharge({ at: end, amount: 0, currency: 'usd' }, overageCents)
  const charge = found && priceAfter(plans, current, found)
  return charge ? describeCharge(charge, overageCents) : null
}

function priceAfter(plans: Account['plans'], { planId, pendingPlanId }: Subscription, found: NextCharge) {
  if (pendingPlanId === null) return found
  const listed = (plan: string) => plans.find(({ id }) => id === plan)?.pricePerMonthCents ?? undefined
  const amount = listed(pendingPlanId)
  const isListed = found.currency === 'usd' && found.amount === listed(planId)
  return isListed && amount !== undefined ? { ...found, amount } : undefined
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

/** A subscription as its customer sees it. */
export function toSubscription(row: Subscription): z.output<typeof BillingSubscription> {
  return {
    provider: row.provider,
    status: row.status,
    plan: row.planId,
    pending_plan: row.pendingPlanId,
    current_period_start: dateToIso(row.currentPeriodStart),
    current_period_end: dateToIso(row.currentPeriodEnd),
    cancel_at_period_end: row.cancelAtPeriodEnd,
    pause_at_period_end: row.pauseAtPeriodEnd,
    trial_end: dateToIso(row.trialEnd),
    past_due_since: dateToIso(row.pastDueSince),
  }
}
