import { SEED_PLANS } from '../../../src/billing/plans/catalogue.ts'

/** What the services sell; both providers' catalogues are alike. */
export interface Product {
  readonly plan: string
  readonly name: string
  readonly cents: number
  /** A price of what is used (Stripe): it has no quantity. */
  readonly metered?: boolean
}

const sold = Object.entries(SEED_PLANS).filter(([, { pricePerMonthCents }]) => (pricePerMonthCents ?? 0) > 0)

/** The ids at the local providers of the plans that a new installation starts with; none for what is not sold. */
export const LOCAL_PRODUCTS: Readonly<Record<string, { polarProductId: string; stripePriceId: string }>> =
  Object.fromEntries(
    sold.map(([plan], at) => [
      plan,
      {
        polarProductId: `00000000-0000-4000-8000-${String(at + 1).padStart(12, '0')}`,
        stripePriceId: `price_local_${plan}`,
      },
    ]),
  )

/** By id, as the service of a provider knows them at its start. */
export function listProducts(provider: 'polar' | 'stripe'): Map<string, Product> {
  return new Map(
    sold.map(([plan, { name, pricePerMonthCents }]) => {
      const ids = LOCAL_PRODUCTS[plan]
      const id = (provider === 'polar' ? ids?.polarProductId : ids?.stripePriceId) ?? plan
      return [id, { plan, name, cents: pricePerMonthCents ?? 0 }]
    }),
  )
}
