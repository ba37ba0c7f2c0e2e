import { administrator, call } from './http.ts'
import { act } from './payments.ts'

type Provider = 'polar' | 'stripe'

interface Offer {
  readonly interval?: 'month' | 'year'
  readonly currency?: string
  readonly cents: number
  readonly seat?: number
}

interface SoldPlan {
  readonly prices: readonly Offer[]
  readonly seats?: { included: number; max?: number }
  readonly trial_days?: number
  readonly limits?: object
  readonly overage?: object
  readonly included_credits_usd?: string
  readonly rollover_max_usd?: string
  readonly addons?: readonly { id: string; prices: readonly Offer[]; limits: object }[]
}

export const LIMITS = { rate_limit_per_minute: 100, max_api_keys: 10, meters: {} }

/** Makes a plan that a local provider sells, with everything that it is to have. @returns its id */
export async function sellPlan(provider: Provider, { prices, seats, addons = [], ...rest }: SoldPlan): Promise<string> {
  const id = `sold-${crypto.randomUUID().slice(0, 13)}`
  const body = {
    id,
    name: id,
    limits: LIMITS,
    ...rest,
    ...(seats && { seats }),
    prices: await Promise.all(prices.map((offer) => sell(provider, id, offer, seats))),
    addons: await Promise.all(
      addons.map(async (addon) => ({
        ...addon,
        name: addon.id,
        prices: await Promise.all(addon.prices.map((offer) => sell(provider, `${id}-${addon.id}`, offer))),
      })),
    ),
  }
  const token = await administrator()
  const { status, body: problem } = await call('POST /api/v1/admin/plans', { token, body })
  if (status !== 201) throw new Error(JSON.stringify(problem))
  return id
}

/** Makes a product at the provider. @returns a price that names it */
export async function sell(provider: Provider, plan: string, offer: Offer, seats?: SoldPlan['seats']) {
  const { interval = 'month', currency = 'usd', cents, seat } = offer
  const product = `${plan}-${interval}-${currency}-${crypto.randomUUID().slice(0, 8)}`
  const counted = seat === undefined || !seats ? {} : { seats: { ...seats, cents: seat } }
  await act(provider, { act: 'add_product', id: product, name: plan, plan, cents, interval, currency, ...counted })
  return {
    interval,
    currency,
    amount_cents: cents,
    ...(seat !== undefined && { seat_amount_cents: seat }),
    [provider === 'polar' ? 'polar_product_id' : 'stripe_price_id']: product,
  }
}

/** Removes plans from the catalog, which other tests read. */
export async function hidePlans(ids: readonly string[]): Promise<void> {
  const token = await administrator()
  for (const id of ids) await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: { is_public: false } })
}
