import * as z from 'zod'
import { ALL_METERS, forEachMeter, isMoney, METER_ROWS, METERS, MONEY_METERS } from '../../db/schema/meters.ts'
import { limitInput, money } from '../../http/amounts.ts'
import { line, listSchema, timestamp } from '../../http/fields.ts'
import { recordSchema, text } from '../../http/text-field.ts'

const MAX_FEATURES = 100

const meter = <Schema extends z.ZodType>(limit: Schema) =>
  z.strictObject({
    limit: limit.nullable().meta({ description: 'In a month, or at any time for a gauge; null for no limit.' }),
    at_limit: z.enum(['block', 'allow']).meta({
      description: '`block` refuses what goes beyond; `allow` goes on, and what is beyond is counted as overage.',
    }),
  })

const MeterLimit = meter(limitInput('api_calls')).meta({ id: 'MeterLimit' })
const FractionalMeterLimit = meter(limitInput('storage_gb')).meta({ id: 'FractionalMeterLimit' })
const MoneyMeterLimit = meter(limitInput('cost_usd')).meta({ id: 'NewMoneyMeterLimit' })

/** As they come in. */
const METER_LIMITS = forEachMeter(ALL_METERS, (name) => {
  if (isMoney(name)) return MoneyMeterLimit
  return METER_ROWS[name].unitsPerOne === 1 ? MeterLimit : FractionalMeterLimit
})

const MoneyMeterReading = meter(money).meta({ id: 'MoneyMeterLimit' })

/** As they go out. */
const METER_READINGS = {
  ...METER_LIMITS,
  ...forEachMeter(MONEY_METERS, () => MoneyMeterReading),
}

const rateLimit = z.int().min(1).max(1_000_000).meta({ description: 'Of each key.' })
const keyCount = z.int().min(0).max(1_000_000).meta({ description: 'Keys that are not revoked, of the organization.' })

const limitsSchema = <Shape extends z.core.$ZodLooseShape>(meters: Shape) =>
  z.strictObject({
    rate_limit_per_minute: rateLimit,
    max_api_keys: keyCount,
    meters: z.strictObject(meters).partial().meta({ description: 'A meter that is absent has no limit.' }),
  })

const LimitChanges = z.strictObject({
  rate_limit_per_minute: rateLimit.optional(),
  max_api_keys: keyCount.optional(),
  meters: z
    .strictObject(forEachMeter(ALL_METERS, (name) => METER_LIMITS[name].nullable()))
    .partial()
    .optional()
    .meta({ description: 'What is absent stays; null takes a meter out of the plan.' }),
})

const MAX_TIERS = 20

const tier = z
  .strictObject({
    up_to: z
      .int()
      .min(1)
      .max(1_000_000_000_000)
      .nullable()
      .meta({ description: 'The last unit above the limit that has this price; null for all that are left.' }),
    unit_price_usd: z.stringFormat('unit_price', /^\d{1,6}(\.\d{1,12})?$/).meta({
      description: 'US dollars of one unit, such as `0.00002`; of `cost_usd` a unit is a millionth of a dollar.',
    }),
  })
  .meta({ id: 'OverageTier' })

/** @returns whether each tier reaches further than the one before, and the last one reaches on */
function areAscending(tiers: readonly { up_to: number | null }[]): boolean {
  return tiers.every(({ up_to }, at) => {
    const before = at === 0 ? 0 : (tiers[at - 1]?.up_to ?? Number.POSITIVE_INFINITY)
    return at === tiers.length - 1
      ? up_to === null && before < Number.POSITIVE_INFINITY
      : up_to !== null && up_to > before
  })
}

const overagePrice = z
  .strictObject({
    tiers: z
      .array(tier)
      .min(1)
      .max(MAX_TIERS)
      .refine(areAscending, 'must ascend, and the last must have up_to null')
      .meta({ description: 'Each price applies to the units inside its tier alone.' }),
    polar_event: line(128)
      .optional()
      .meta({ description: "The name of the meter's events; the meter's own if absent." }),
    stripe_meter: line(100).optional().meta({ description: "The meter's name on Stripe's invoices, likewise." }),
    stripe_price_id: line(200)
      .optional()
      .meta({ description: 'A metered price that Stripe bills along, for usage that you report to Stripe yourself.' }),
  })
  .meta({
    id: 'OveragePrice',
    example: {
      tiers: [
        { up_to: 5_000_000, unit_price_usd: '0.00002' },
        { up_to: null, unit_price_usd: '0.000016' },
      ],
    },
  })

const Overage = z
  .strictObject(forEachMeter(METERS, () => overagePrice))
  .partial()
  .meta({
    id: 'PlanOverage',
    description: 'What units above a limit that allows them cost; a meter that is absent costs nothing more.',
  })

const OverageChanges = z.strictObject(forEachMeter(METERS, () => overagePrice.nullable())).partial()

const featureName = z.stringFormat('feature', /^[a-z][a-z0-9_]{0,63}$/)
const feature = z.union([z.number(), z.boolean(), text(500)])
const few = (record: object) => Object.keys(record).length <= MAX_FEATURES
const tooMany = `must have at most ${MAX_FEATURES}`

const Features = recordSchema(featureName, feature).refine(few, tooMany)
const FeatureChanges = recordSchema(featureName, feature.nullable()).refine(few, tooMany)

const PLAN_ID = /^[a-z][a-z0-9_-]{1,31}$/

/** Any text: what is no id of a plan is the id of none. */
export const PlanParams = z.strictObject({ plan_id: text(200) })

const descriptive = {
  name: line(100),
  price_per_month_cents: z
    .int()
    .min(0)
    .max(1_000_000_000)
    .nullable()
    .meta({ description: 'US cents; null where it is agreed upon in person.' }),
  is_public: z.boolean().meta({ description: 'Whether customers see it in the catalogue.' }),
  sort_order: z.int().min(0).max(1_000_000).meta({ description: 'Lower ones come first.' }),
  polar_product_id: line(200).nullable(),
  stripe_price_id: line(200).nullable(),
}

export const NewPlan = z
  .strictObject({
    id: z
      .stringFormat('plan_id', PLAN_ID)
      .meta({ description: 'What verdicts and the catalogue call it; it never changes.', example: 'team' }),
    name: descriptive.name,
    price_per_month_cents: descriptive.price_per_month_cents,
    limits: limitsSchema(METER_LIMITS),
    features: Features.default({}),
    is_public: descriptive.is_public.default(true),
    sort_order: descriptive.sort_order.default(100),
    overage: Overage.default({}),
    polar_product_id: descriptive.polar_product_id.default(null),
    stripe_price_id: descriptive.stripe_price_id.default(null),
  })
  .meta({
    example: {
      id: 'team',
      name: 'Team',
      price_per_month_cents: 1_900,
      limits: {
        rate_limit_per_minute: 300,
        max_api_keys: 50,
        meters: { api_calls: { limit: 1_000_000, at_limit: 'allow' }, tokens: { limit: 5_000_000, at_limit: 'block' } },
      },
      features: { beta: true },
      overage: { api_calls: { tiers: [{ up_to: null, unit_price_usd: '0.00002' }] } },
    },
  })

export const PlanChanges = z
  .strictObject({
    ...z.object(descriptive).partial().shape,
    limits: LimitChanges.optional(),
    overage: OverageChanges.optional().meta({ description: 'What is absent stays; null takes a meter out.' }),
    features: FeatureChanges.optional().meta({ description: 'What is absent stays; null takes a feature out.' }),
  })
  .meta({
    example: {
      limits: {
        rate_limit_per_minute: 240,
        meters: { tokens: { limit: 5_000_000, at_limit: 'allow' }, queries: null },
      },
      features: { beta: true },
    },
  })

export const Plan = z
  .object({
    id: z.string().meta({ example: 'team' }),
    ...descriptive,
    limits: limitsSchema(METER_READINGS),
    features: Features,
    overage: Overage,
    organization_count: z.int().meta({ description: 'How many are on it.' }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Plan' })

export const PlanList = listSchema(Plan)
