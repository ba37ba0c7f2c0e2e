import type * as z from 'zod'
import type { ManagementDeps } from '../http/management-env.ts'
import { errorFields, log } from '../lib/log.ts'
import { getUse, readQuotas } from '../limits/quotas.ts'
import { overageOf } from './overage.ts'
import type { PaymentMethod } from './provider.ts'
import { configuredProviders, providerNamed } from './providers.ts'
import { type Account, getAccount, listCharged, type Subscription } from './queries.ts'
import type { BillingInfo, BillingSubscription } from './schemas.ts'

/** A payment method is told where the provider says it soon; the rest does not wait for it. */
const PATIENCE_MS = 2_000

/** Everything about an organization's billing at this moment. @throws Problem `organization_not_found` */
export async function billingInfo(deps: ManagementDeps, organizationId: string): Promise<z.output<typeof BillingInfo>> {
  const [account, quotas, { period }] = await Promise.all([
    getAccount(deps.db, organizationId),
    readQuotas(deps, organizationId),
    getUse(deps.sql, organizationId, deps.now()),
  ])
  const { organization, current, plans } = account
  const plan = plans.find(({ id }) => id === organization.planId)
  const charged = await listCharged(deps.db, organizationId, new Date(period.start))
  const overage = overageOf(plan, quotas.meters, charged)
  return {
    organization_id: organization.id,
    plan: { id: organization.planId, name: plan?.name ?? '', price_per_month_cents: plan?.pricePerMonthCents ?? null },
    ...boughtOf(current),
    next_charge: nextCharge(account, overage.total_cents),
    usage: { period: quotas.period, resets_at: quotas.resets_at, meters: usageOf(quotas.meters) },
    overage,
    payment_method: current ? await paymentMethod(deps, current) : null,
    providers: configuredProviders(deps.config).map(({ name }) => name),
  }
}

const boughtOf = (current: Subscription | undefined) =>
  current
    ? { status: current.status, provider: current.provider, subscription: toSubscription(current) }
    : { status: 'none' as const, provider: null, subscription: null }

type Readings = Awaited<ReturnType<typeof readQuotas>>['meters']

const usageOf = (meters: Readings) =>
  Object.fromEntries(
    Object.entries(meters).map(([meter, { limit, used, remaining, percent, overage }]) => [
      meter,
      { limit, used, remaining, percent, overage },
    ]),
  )

/** The next period's price and this one's overage; nothing where it ends, or where the provider is not asked to go on. */
function nextCharge({ current, plans }: Account, overageCents: number) {
  if (!current?.currentPeriodEnd || current.endedAt || current.status === 'canceled') return null
  const next = plans.find(({ id }) => id === (current.pendingPlanId ?? current.planId))
  const planCents = current.cancelAtPeriodEnd ? 0 : (next?.pricePerMonthCents ?? 0)
  const amount = planCents + overageCents
  if (amount === 0) return null
  return { at: current.currentPeriodEnd.toISOString(), amount_cents: amount, currency: 'usd' as const }
}

async function paymentMethod(deps: ManagementDeps, { provider, providerSubscriptionId }: Subscription) {
  const asked = providerNamed(deps.config, provider)?.getPaymentMethod?.(providerSubscriptionId)
  if (!asked) return null
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE_MS))
  try {
    return toMethod(await Promise.race([asked, late]))
  } catch (error) {
    log('warn', 'payment_method_unread', { provider, ...errorFields(error) })
    return null
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
    current_period_start: iso(row.currentPeriodStart),
    current_period_end: iso(row.currentPeriodEnd),
    cancel_at_period_end: row.cancelAtPeriodEnd,
    trial_end: iso(row.trialEnd),
    past_due_since: iso(row.pastDueSince),
  }
}

const iso = (time: Date | null) => time?.toISOString() ?? null
