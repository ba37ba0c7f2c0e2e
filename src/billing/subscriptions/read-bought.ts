/** Determines what a subscription buys from the products among its items. Pure. */
import { toVersion } from '../../db/plan-version.ts'
import type { AddonLimits, BookedAddons, PlanAddon, PlanPrice } from '../../db/schema/shapes.ts'
import { type PricedPlan, rankPrice, selectProduct, sellsSeats } from '../plans/prices.ts'
import type { ProviderName, ProviderSubscription } from '../providers/provider.ts'

/** A version of a plan, with the fields for recognizing it. */
export interface KnownPlan extends Omit<PricedPlan, 'name'> {
  /** Since when a newer version is sold. */
  readonly replacedAt: Date | null
}

type Item = ProviderSubscription['items'][number] | ProviderSubscription['pendingItems'][number]

/** A plan with the item that buys it. */
export interface Bought<One extends Item = ProviderSubscription['items'][number]> {
  readonly plan: KnownPlan
  readonly price: PlanPrice
  readonly item: One
  readonly seats: number | null
  readonly addons: BookedAddons
}

/**
 * The plan among the items of a subscription, at any position; of several, the most expensive. If several versions share a
 * product, it is the one that was agreed on, else the newest.
 *
 * @param agreed the versions that the subscription is on or will be, the likelier first
 */
export function readBought<One extends Item>(
  plans: readonly KnownPlan[],
  provider: ProviderName,
  items: readonly One[],
  agreed: readonly (string | null | undefined)[] = [],
): Bought<One> | undefined {
  const versions = items.flatMap((item) => selectVersion(findPrices(plans, provider, item), agreed) ?? [])
  const found = versions.toSorted((a, b) => rankPrice(b.price) - rankPrice(a.price)).at(0)
  if (!found) return undefined
  const { plan, price, item } = found
  return { ...found, seats: readSeats(plan, price, item), addons: readAddons(plan, provider, items) }
}

interface Found<One extends Item> {
  readonly plan: KnownPlan
  readonly price: PlanPrice
  readonly item: One
}

/** Distinguishes a product's prices in several currencies by the currency, if the provider reports it. */
function findPrices<One extends Item>(plans: readonly KnownPlan[], provider: ProviderName, item: One): Found<One>[] {
  const found = plans.flatMap((plan) =>
    plan.prices
      .filter((price) => selectProduct(price, provider) === item.product)
      .map((price) => ({ plan, price, item })),
  )
  const exact = found.filter(({ price }) => price.currency === item.currency)
  return exact.length > 0 ? exact : found
}

function selectVersion<One extends Item>(found: readonly Found<One>[], agreed: readonly unknown[]) {
  const known = agreed.flatMap((id) => found.find(({ plan }) => plan.id === id) ?? [])
  const isNewest = ({ plan }: Found<One>) => (plan.replacedAt === null ? 1 : 0)
  const newest = found.toSorted((a, b) => isNewest(b) - isNewest(a) || toVersion(b.plan.id) - toVersion(a.plan.id))
  return known[0] ?? newest[0]
}

function readSeats(plan: KnownPlan, price: PlanPrice, { quantity }: Item): number | null {
  if (plan.seats === null) return null
  return sellsSeats(plan, price) ? (quantity ?? plan.seats.included) : plan.seats.included
}

function readAddons({ addons }: KnownPlan, provider: ProviderName, items: readonly Item[]): BookedAddons {
  const booked = addons.flatMap(({ id, prices }) => {
    const products = new Set(prices.map((price) => selectProduct(price, provider)))
    const quantities = items.filter(({ product }) => products.has(product)).map(({ quantity }) => quantity ?? 1)
    const quantity = quantities.reduce((sum, one) => sum + one, 0)
    return quantity > 0 ? [[id, quantity] as const] : []
  })
  return Object.fromEntries(booked)
}

/** The sums that add-ons add to a plan's limits. Limits without an addition are absent. */
export function addAddons(addons: readonly PlanAddon[], booked: BookedAddons): AddonLimits {
  const all = addons.flatMap(({ id, limits }) =>
    flatten(limits).map(([name, more]) => [name, more * (booked[id] ?? 0)] as const),
  )
  const sums = [...Map.groupBy(all, ([name]) => name)]
    .map(([name, parts]) => [name, parts.reduce((sum, [, more]) => sum + more, 0)] as const)
    .filter(([, more]) => more !== 0)
  const meters = sums.filter(([name]) => name.startsWith(METER))
  return {
    ...Object.fromEntries(sums.filter(([name]) => !name.startsWith(METER))),
    ...(meters.length > 0 && {
      meters: Object.fromEntries(meters.map(([name, more]) => [name.slice(METER.length), more])),
    }),
  }
}

const METER = 'meter:'

const flatten = ({ meters = {}, ...others }: AddonLimits): (readonly [string, number])[] => [
  ...Object.entries(meters).map(([name, more]) => [METER + name, more] as const),
  ...Object.entries(others).map(([name, more]) => [name, more ?? 0] as const),
]
