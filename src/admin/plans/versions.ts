/** Versions of a plan: paying customers stay on theirs until they are moved. */
import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import type { Database } from '../../db/orm.ts'
import { toFamily, toPlanId, toVersion } from '../../db/plan-version.ts'
import { type AddonLimits, FIRST_PLAN, type PlanAddon, type PlanPrice } from '../../db/schema/shapes.ts'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { PlanView } from './queries.ts'
import type { PlanChanges } from './schemas.ts'

type Changes = z.output<typeof PlanChanges>

/**
 * Whether a change alters the terms for customers who pay for a plan. Adding a price or add-on to the existing ones does not,
 * nor does adding a product id where there was none.
 */
export function changesTerms(plan: PlanView, changes: Changes): boolean {
  if (plan.id === FIRST_PLAN) return false // nobody pays for it
  return changesUse(plan, changes) || changesOffer(plan, changes) || changesMoney(plan, changes)
}

/** Limits, features and overage prices. */
const changesUse = (plan: PlanView, { limits = {}, features = {}, overage = {} }: Changes): boolean =>
  changesLimits(plan, limits) || changesRecord(plan.features, features) || changesRecord(plan.overage, overage)

function changesOffer(plan: PlanView, { seats = plan.seats, ...changes }: Changes) {
  const prices: PlanView['prices'] = changes.prices ?? plan.prices
  const addons: readonly Addon[] = changes.addons ?? plan.addons
  return (
    canonicalJson(seats) !== canonicalJson(plan.seats) ||
    !keepsPrices(plan.prices, prices) ||
    !keepsAddons(plan.addons, addons)
  )
}

/** The price of calls, the markup on models' cost, the included credits, and what happens without credits. */
function changesMoney(plan: PlanView, changes: Changes): boolean {
  const { markupPercent, pricePerCallUsd, includedCreditsUsd, rolloverMaxUsd, atNoCredits } = plan
  return (
    (changes.at_no_credits ?? atNoCredits) !== atNoCredits ||
    isOther(pricePerCallUsd, changes.price_per_call_usd) ||
    isOther(markupPercent, changes.markup_percent) ||
    isOther(includedCreditsUsd, changes.included_credits_usd) ||
    isOther(rolloverMaxUsd, changes.rollover_max_usd)
  )
}

/** Amounts are stored as decimals: `20` is `20.000000000`. */
function isOther(now: string | number | null, changed: string | number | null | undefined): boolean {
  if (changed === undefined) return false
  return now === null || changed === null ? now !== changed : Number(now) !== Number(changed)
}

function changesLimits({ limits: now }: PlanView, { meters = {}, ...others }: NonNullable<Changes['limits']>) {
  return changesRecord(now, others) || changesRecord(withLimits(now.meters), withLimits(meters))
}

/** A meter without a limit is equivalent to an absent one. */
const withLimits = (meters: Readonly<Record<string, { readonly limit: unknown } | null | undefined>>) =>
  Object.fromEntries(Object.entries(meters).map(([name, one]) => [name, one?.limit == null ? null : one]))

/** An absent member stays; null removes one. */
function changesRecord(now: object, changes: object): boolean {
  const known = new Map<string, unknown>(Object.entries(now))
  return Object.entries(changes).some(
    ([name, value]) => value !== undefined && canonicalJson(value) !== canonicalJson(known.get(name) ?? null),
  )
}

const keepsPrices = (before: readonly PlanPrice[], after: readonly PlanPrice[]): boolean =>
  before.every((one) => after.some((other) => keepsPrice(one, other)))

function keepsPrice(one: PlanPrice, other: PlanPrice): boolean {
  const { stripe_price_id: stripe, polar_product_id: polar, ...terms } = one
  const { stripe_price_id, polar_product_id, ...others } = other
  if (canonicalJson(terms) !== canonicalJson(others)) return false
  return (stripe ?? stripe_price_id) === stripe_price_id && (polar ?? polar_product_id) === polar_product_id
}

interface Addon extends Pick<PlanAddon, 'id' | 'prices'> {
  readonly limits: AddonLimits
}

const keepsAddons = (before: readonly Addon[], after: readonly Addon[]): boolean =>
  before.every((one) => {
    const other = after.find(({ id }) => id === one.id)
    return other && canonicalJson(one.limits) === canonicalJson(other.limits) && keepsPrices(one.prices, other.prices)
  })

export const nextVersionId = (planId: string): string => toPlanId(toFamily(planId), toVersion(planId) + 1)

/** Statements that make a copy of a version the newest one. The copy is changed afterwards. */
export function copyVersion(db: Database, planId: string, at: Date) {
  const now = at.toISOString()
  const changed = JSON.stringify({ id: nextVersionId(planId), created_at: now, updated_at: now })
  return [
    db.execute(sql`update plans set replaced_at = ${now}::timestamptz where id = ${planId}`),
    db.execute(sql`insert into plans
      select (jsonb_populate_record(null::plans, to_jsonb(p) - 'replaced_at' || ${changed}::jsonb)).* from plans p where p.id = ${planId}`),
  ]
}
