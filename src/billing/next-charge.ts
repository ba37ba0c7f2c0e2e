/** What the provider charges next, with the overage that will be on that invoice. */
import { sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { totalCents } from './plans/prices.ts'
import type { NextCharge, ProviderSubscription } from './providers/provider.ts'
import type { Account, Subscription } from './queries.ts'
import { readSelection } from './selection.ts'

/** States without an automatic charge, or without a known one. */
const NOT_CHARGED: ReadonlySet<Subscription['status']> = new Set(['canceled', 'paused', 'unpaid', 'incomplete'])
/** At Stripe, overage that no renewal takes within this time after its usage period has an invoice of its own (overage/invoice-items.ts). */
const MAX_WAIT_MS = 36 * 24 * 3_600_000

/**
 * The provider's next charge, and the overage that is on the same invoice; null if there is no charge, or if it is not
 * known. For a plan that begins with the next period, only the list price is known, which does not apply if other prices
 * were negotiated.
 */
export function nextCharge(account: Account, overageCents: number, found: ProviderSubscription | undefined) {
  const { current } = account
  const { currentPeriodEnd: end, endedAt, cancelAtPeriodEnd, pauseAtPeriodEnd } = current ?? {}
  if (!current || !end || endedAt || isUncharged(current, found)) return null
  if (cancelAtPeriodEnd || pauseAtPeriodEnd)
    return describeCharge({ at: end, amount: 0, currency: 'usd' }, overageCents)
  const charge = priceAfter(account, current, found)
  return charge ? describeCharge(charge, overageCents) : null
}

const isUncharged = ({ status }: Subscription, found: ProviderSubscription | undefined): boolean =>
  NOT_CHARGED.has(status) || found?.isUncollected === true

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

const isFar = (end: Date | null, usageEnd: Date) => end !== null && end.getTime() - usageEnd.getTime() > MAX_WAIT_MS

interface PeriodOverage {
  readonly start: Date
  readonly end: Date
  /** In millionths of a dollar, whether charged already or not. */
  readonly microUsd: bigint
}

/**
 * The overage that the next invoice of a subscription will have: what was sent for it, what waits, and what is not
 * recorded yet. What an earlier invoice has, or one of its own will have, is not in it.
 *
 * @param usage the current usage period, which need not be that of the subscription
 * @returns millionths of a dollar
 */
export async function sumNextOverage(db: Database, current: Subscription, usage: PeriodOverage): Promise<bigint> {
  const { provider, providerSubscriptionId, currentPeriodStart: since, currentPeriodEnd: end } = current
  if (provider === 'stripe' && isFar(end, usage.end)) return 0n
  const isWaiting = sql`l.state = 'pending' and l.charged_with is null`
  const isOnNext = sql`l.state in ('pending', 'sent') and l.charged_with is not null
    and coalesce(l.sent_at, now()) >= ${since?.toISOString() ?? 'infinity'}::timestamptz
    and (l.provider = 'polar' or leads.provider_subscription_id = ${providerSubscriptionId})`
  const { rows } = await db.execute<{ recorded: string; next: string }>(sql`
    select coalesce(sum(l.amount_micro_usd) filter (where l.period_start = ${usage.start.toISOString()}::timestamptz), 0)::text as recorded,
      coalesce(sum(l.amount_micro_usd) filter (where ${isWaiting} or ${isOnNext}), 0)::text as next
    from billing_usage_ledger l left join billing_usage_ledger leads on leads.identifier = l.charged_with
    where l.organization_id = ${current.organizationId}::uuid and l.provider = ${provider}`)
  const [{ recorded, next } = { recorded: '0', next: '0' }] = rows
  const unrecorded = usage.microUsd - BigInt(recorded)
  return (unrecorded > 0n ? unrecorded : 0n) + BigInt(next)
}
