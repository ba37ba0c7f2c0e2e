import type { BillingInfo, CataloguePlan, CataloguePrice } from '../../api/types.ts'
import { formatPrice } from '../../lib/format.ts'

type Interval = CataloguePrice['interval']

/** In which interval and currency prices are shown. */
export interface Terms {
  readonly interval: Interval
  readonly currency: string
}

/** What the subscription has, else by the month in the first currency that there is. */
export function termsOf({ subscription }: BillingInfo, plans: readonly CataloguePlan[]): Terms {
  if (subscription) return { interval: subscription.interval, currency: subscription.currency }
  const currencies = listCurrencies(plans)
  return { interval: 'month', currency: currencies.includes('usd') ? 'usd' : (currencies[0] ?? 'usd') }
}

export const listCurrencies = (plans: readonly CataloguePlan[]) => [
  ...new Set(plans.flatMap(({ prices }) => prices.map(({ currency }) => currency))),
]

export const listIntervals = (plans: readonly CataloguePlan[]) =>
  (['month', 'year'] as const).filter((one) =>
    plans.some(({ prices }) => prices.some(({ interval, amount_cents }) => interval === one && amount_cents)),
  )

/** The price of these terms, else the first there is. */
export const findPrice = ({ prices }: CataloguePlan, { interval, currency }: Terms): CataloguePrice | undefined =>
  prices.find((price) => price.interval === interval && price.currency === currency) ??
  prices.find((price) => price.currency === currency) ??
  prices[0]

export const isFree = ({ prices }: CataloguePlan) =>
  prices.length > 0 && prices.every(({ amount_cents }) => amount_cents === 0)

export const isNegotiated = ({ prices }: CataloguePlan) => prices.every(({ amount_cents }) => amount_cents === null)

export const describePrice = ({ amount_cents: cents, currency, interval }: CataloguePrice): string =>
  cents === null
    ? 'At the price agreed'
    : cents === 0
      ? 'Free of charge'
      : `${formatPrice(cents, currency)} a ${interval}`
