/** The prices of a plan and its add-ons, in requests and responses. */
import * as z from 'zod'
import { INTERVALS } from '../../db/schema/shapes.ts'
import { line } from '../../http/fields.ts'
import { recordSchema } from '../../http/text-field.ts'

const MAX_PRICES = 50
const MAX_ADDONS = 50
const MAX_SEATS = 100_000

const cents = z.int().min(0).max(1_000_000_000)
const seatCents = cents.meta({
  description: 'For each seat above the included ones. If absent, no more seats are sold.',
})

const terms = {
  interval: z.enum(INTERVALS),
  currency: z
    .string()
    .regex(/^[a-z]{3}$/, 'must be the code of a currency in lower case, such as usd')
    .meta({ description: 'ISO 4217, in lower case.', example: 'usd' }),
  amount_cents: cents.nullable().meta({
    description: 'For each interval, in the smallest unit of the currency. Null if it is negotiated.',
  }),
}
const products = {
  stripe_price_id: line(200).optional().meta({ description: 'A licensed, recurring price of the same interval.' }),
  polar_product_id: line(200).optional().meta({ description: 'A product of the same interval.' }),
}

const addonPrice = z.strictObject({ ...terms, ...products }).meta({ id: 'AddonPrice' })
export const PriceReading = z
  .strictObject({ ...terms, seat_amount_cents: seatCents.optional(), ...products })
  .meta({ id: 'PlanPrice' })

interface Named {
  readonly interval: string
  readonly currency: string
  readonly stripe_price_id?: string | undefined
}

/** One price per interval and currency; at Stripe each is a separate price object. */
function areDistinct(prices: readonly Named[]): boolean {
  const names = prices.map(({ interval, currency }) => `${interval} ${currency}`)
  const ids = prices.flatMap(({ stripe_price_id }) => stripe_price_id ?? [])
  return new Set(names).size === names.length && new Set(ids).size === ids.length
}

const METER_NAME = 'must be lower-case letters, digits and underscores, begin with a letter, and have at most 64'
const ADDON_ID = 'must be 2 to 32 lower-case letters, digits, hyphens and underscores, and begin with a letter'
const DISTINCT = 'must have one price for each interval and currency, each with a stripe_price_id of its own'

export const Prices = z.array(PriceReading).max(MAX_PRICES).refine(areDistinct, DISTINCT).meta({
  description: 'One for each interval and currency. Empty if the price is negotiated.',
})

export const Seats = z
  .strictObject({
    included: z.int().min(1).max(MAX_SEATS).meta({ description: 'Members that the price includes.' }),
    max: z.int().min(1).max(MAX_SEATS).optional().meta({ description: 'The maximum number of seats.' }),
  })
  .refine(({ included, max = included }) => max >= included, { path: ['max'], error: 'must not be less than included' })
  .meta({ id: 'PlanSeats' })

const limits = z.strictObject({
  meters: recordSchema(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, METER_NAME), z.number().positive().max(1e15))
    .optional()
    .meta({ description: 'What it adds to the limits of meters. Meters without a limit stay unlimited.' }),
  max_api_keys: z.int().min(1).max(1_000_000).optional(),
  seats: z.int().min(1).max(MAX_SEATS).optional(),
})

export const AddonReading = z
  .strictObject({
    id: z
      .string()
      .regex(/^[a-z][a-z0-9_-]{1,31}$/, ADDON_ID)
      .meta({ example: 'more_tokens' }),
    name: line(100),
    prices: z.array(addonPrice).min(1).max(MAX_PRICES).refine(areDistinct, DISTINCT),
    limits: limits.meta({ description: 'What it adds to the limits of the plan, each time it is bought.' }),
  })
  .meta({ id: 'PlanAddon' })

export const Addons = z
  .array(AddonReading)
  .max(MAX_ADDONS)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'must have ids of their own')
  .meta({ description: 'Products sold in addition to the plan, any number of times (Stripe).' })

/** The stored precision; floating-point error in a decimal number is ignored. */
const hasFourDecimals = (percent: number) => Number(percent.toFixed(4)) === percent

const PERCENT = 'must be percent from 0 to 10,000'

export const MarkupPercent = z
  .number(PERCENT)
  .min(0, PERCENT)
  .max(10_000, PERCENT)
  .refine(hasFourDecimals, 'must have at most four decimals')
  .meta({
    description:
      'The percentage added to the cost of models: customers of the plan are charged cost plus markup. Customers never see it.',
    example: 20,
  })
