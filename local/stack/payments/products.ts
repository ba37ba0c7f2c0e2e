import { SEED_PLANS } from '../../../src/billing/plans/catalog.ts'
import type { Interval } from '../../../src/db/schema/shapes.ts'

/** What the services sell; both providers have the same catalog. */
export interface Product {
  readonly plan: string
  readonly name: string
  /** Per interval; for a price in seats, the price of the included ones. */
  readonly cents: number
  readonly interval?: Interval
  readonly currency?: string
  /** A price of usage (Stripe): it has no quantity. */
  readonly metered?: boolean
  /** A price in seats: Stripe's has tiers, the first with a flat amount; Polar's is the same for every seat. */
  readonly seats?: { readonly included: number; readonly max?: number | undefined; readonly cents: number } | undefined
  /** The same product's amounts in other currencies (Polar). */
  readonly currencies?: Readonly<Record<string, number>> | undefined
}

const DEFAULT_CURRENCY = 'usd'

export const toInterval = (product: Product | undefined): Interval => product?.interval ?? 'month'
export const toCurrency = (product: Product | undefined): string => product?.currency ?? DEFAULT_CURRENCY

/** The price of a quantity of a product for an interval. */
export function toCents(product: Product | undefined, quantity: number | undefined, currency?: string): number {
  if (!product || product.metered) return 0
  const cents = (currency && product.currencies?.[currency]) || product.cents
  if (!product.seats) return cents * (quantity ?? 1)
  const { included, cents: each } = product.seats
  return cents + Math.max(0, (quantity ?? included) - included) * each
}

const paid = Object.entries(SEED_PLANS).flatMap(([plan, { name, prices }]) =>
  prices.flatMap(({ interval, amount_cents: cents }) => (cents ? [{ plan, name, interval, cents }] : [])),
)
const plans = [...new Set(paid.map(({ plan }) => plan))]

interface ProductIds {
  readonly polarProductId: string
  readonly stripePriceId: string
}

function toIds(plan: string, interval: Interval): ProductIds {
  const number = plans.indexOf(plan) + 1 + (interval === 'year' ? 100 : 0)
  return {
    polarProductId: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    stripePriceId: `price_local_${plan}${interval === 'year' ? '_year' : ''}`,
  }
}

/** The ids of the monthly price, and of the yearly one. */
type SoldIds = ProductIds & { readonly yearly: ProductIds }

/** The ids at the local providers of the plans that a new installation starts with; none for plans that are not sold. */
export const LOCAL_PRODUCTS: { readonly [plan: string]: SoldIds } = Object.fromEntries(
  plans.map((plan) => [plan, { ...toIds(plan, 'month'), yearly: toIds(plan, 'year') }]),
)

/** The product that is bought for credits at Polar: a one-time product, whose price comes with each checkout. */
export const LOCAL_CREDIT_PRODUCT = '00000000-0000-4000-8000-0000000000c0'

/** By id, as a provider's service knows them at startup. */
export function listProducts(provider: 'polar' | 'stripe'): Map<string, Product> {
  return new Map(
    paid.map((product) => {
      const { polarProductId, stripePriceId } = toIds(product.plan, product.interval)
      return [provider === 'polar' ? polarProductId : stripePriceId, product]
    }),
  )
}
