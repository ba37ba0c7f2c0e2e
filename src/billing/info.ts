import type * as z from 'zod'
import { toFamily, toVersion } from '../db/plan-version.ts'
import { isReservedName } from '../db/schema/meter-names.ts'
import { forEachMeter, type Meter, MONEY_METERS, NUMBER_METERS } from '../db/schema/meters.ts'
import type { BookedAddons } from '../db/schema/shapes.ts'
import type { ManagementDeps } from '../deps.ts'
import { dateToIso } from '../lib/iso.ts'
import { formatUsd } from '../lib/usd.ts'
import type { Amount } from '../limits/meters/units.ts'
import { getUse, readQuotas } from '../limits/quotas.ts'
import type { MeterReading } from '../rpc-types.ts'
import { fetchProviderState } from './fetch-provider-state.ts'
import { nextCharge, sumNextOverage } from './next-charge.ts'
import { toCents, toMicroUsd } from './overage/money.ts'
import { computeOverage } from './overage/overage.ts'
import { toCatalogPrice } from './plans/plan.ts'
import { findPrice } from './plans/prices.ts'
import { configuredProviders } from './providers/configured.ts'
import type { PaymentMethod } from './providers/provider.ts'
import {
  type Account,
  findCovered,
  getAccount,
  listCharged,
  listTerms,
  type OfferedPlan,
  type Subscription,
} from './queries.ts'
import type { BillingInfo, BillingSubscription } from './schemas.ts'
import { type CapRow, findCap } from './spend-cap/queries.ts'

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
  const [terms, charged, covered] = await Promise.all([
    listTerms(deps.db, organizationId, new Date(period.start)),
    listCharged(deps.db, organizationId, new Date(period.start)),
    findCovered(deps.db, organizationId, new Date(period.start)),
  ])
  const overage = computeOverage(plan, quotas.meters, { terms, charged, covered: quotas.credits ? covered : null })
  const usage = { start: new Date(period.start), end: new Date(period.end), microUsd: toMicroUsd(overage.total_usd) }
  const [[method, found], microUsd] = current
    ? await Promise.all([fetchProviderState(deps, current), sumNextOverage(deps.db, current, usage)])
    : [[], 0n]
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
    next_charge: nextCharge(account, Number(toCents(microUsd)), found),
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

/** The price that the subscription pays, else the plan's usual price. */
function describePrice({ current }: Account, plan: OfferedPlan | undefined) {
  const isPaid = current?.planId === plan?.id
  const price = (isPaid && current && plan && findPrice(plan.prices, current)) || plan?.prices[0]
  return price ? toCatalogPrice(price) : null
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
