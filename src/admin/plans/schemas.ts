import * as z from 'zod'
import { positiveUsd, usd } from '../../billing/credits/schemas.ts'
import { ALL_METERS, forEachMeter, isMoney, METER_ROWS, MONEY_METERS } from '../../db/schema/meters.ts'
import { AT_NO_CREDITS } from '../../db/schema/plans.ts'

import { anyAmount, customLimit, limitInput, money } from '../../http/amounts.ts'
import { line, listSchema, organizationFilter, timestamp } from '../../http/fields.ts'

import { recordSchema, text, withoutPrototype } from '../../http/text-field.ts'
import { maxConcurrent, NamedLimitBody, newLimits, newOrganizationLimits } from '../../keys/limit-schemas.ts'
import { Overage, OverageChanges } from './overage-schemas.ts'
import { AddonReading, Addons, MarkupPercent, PriceReading, Prices, Seats } from './price-schemas.ts'

const MAX_FEATURES = 100

const meter = <Schema extends z.ZodType>(limit: Schema) =>
  z.strictObject({
    limit: limit.nullable().meta({ description: 'Per usage period; for a gauge, at any time. Null for no limit.' }),
    at_limit: z.enum(['block', 'allow']).meta({
      description: '`block` refuses requests above the limit. `allow` lets them continue, and counts them as overage.',
    }),
  })

const MeterLimit = meter(limitInput('api_calls')).meta({ id: 'MeterLimit' })
const FractionalMeterLimit = meter(limitInput('storage_gb')).meta({ id: 'FractionalMeterLimit' })
const MoneyMeterLimit = meter(limitInput('cost_usd')).meta({ id: 'NewMoneyMeterLimit' })

/** For requests. */
const METER_LIMITS = forEachMeter(ALL_METERS, (name) => {
  if (isMoney(name)) return MoneyMeterLimit
  return METER_ROWS[name].unitsPerOne === 1 ? MeterLimit : FractionalMeterLimit
})

/** A custom meter's limit. Slugs and decimals are checked against the existing meters (admin/custom-limits.ts). */
const CustomMeterLimit = meter(customLimit).meta({ id: 'CustomMeterLimit' })
const CustomMeterReading = meter(anyAmount).meta({ id: 'AnyMeterLimit' })

const MoneyMeterReading = meter(money).meta({ id: 'MoneyMeterLimit' })

/** For responses. */
const METER_READINGS = {
  ...METER_LIMITS,
  ...forEachMeter(MONEY_METERS, () => MoneyMeterReading),
}

const rateLimit = z.int().min(1).max(1_000_000).meta({ description: 'Of each key.' })
const keyCount = z
  .int()
  .min(0)
  .max(1_000_000)
  .meta({ description: 'The maximum number of keys of the organization that are not revoked.' })

const concurrency = {
  key_max_concurrent: maxConcurrent.nullable().optional().meta({
    description: 'The maximum number of open reservations of each key; null for no limit.',
  }),
  max_concurrent: maxConcurrent.nullable().optional().meta({
    description: 'The maximum number of open reservations of the organization; null for no limit.',
  }),
}
const ofEveryKey = "Limits of every key, in addition to the key's own."
const ofOrganizations = 'Limits of an organization, in which all its keys count together.'

interface LimitParts<Custom, OfKey, OfOrganization> {
  readonly custom: Custom
  readonly ofKey: OfKey
  readonly ofOrganization: OfOrganization
}

const limitsSchema = <
  Shape extends z.core.$ZodLooseShape,
  Custom extends z.ZodType,
  OfKey extends z.ZodType,
  OfOrganization extends z.ZodType,
>(
  meters: Shape,
  { custom, ofKey, ofOrganization }: LimitParts<Custom, OfKey, OfOrganization>,
) =>
  z.strictObject({
    rate_limit_per_minute: rateLimit,
    max_api_keys: keyCount,
    ...concurrency,
    key_limits: ofKey.optional().meta({ description: ofEveryKey }),
    organization_limits: ofOrganization.optional().meta({ description: ofOrganizations }),
    meters: withoutPrototype(z.object(meters).partial().catchall(custom)).meta({
      description: 'By name, or by slug for your own meters. A meter that is absent has no limit.',
    }),
  })

const LimitChanges = z.strictObject({
  rate_limit_per_minute: rateLimit.optional(),
  max_api_keys: keyCount.optional(),
  ...concurrency,
  key_limits: newLimits.optional().meta({ description: `${ofEveryKey} They replace those of before.` }),
  organization_limits: newOrganizationLimits
    .optional()
    .meta({ description: `${ofOrganizations} They replace those of before.` }),
  meters: withoutPrototype(
    z
      .object(forEachMeter(ALL_METERS, (name) => METER_LIMITS[name].nullable()))
      .partial()
      .catchall(CustomMeterLimit.nullable()),
  )
    .optional()
    .meta({ description: 'Absent meters stay unchanged; null removes a meter from the plan.' }),
})

const featureName = z
  .string()
  .regex(
    /^[a-z][a-z0-9_]{0,63}$/,
    'must be lower-case letters, digits and underscores, begin with a letter, and have at most 64',
  )
const feature = z.union([z.number(), z.boolean(), text(500)], { error: 'must be a number, true, false or a text' })
const few = (record: object) => Object.keys(record).length <= MAX_FEATURES
const tooMany = `must have at most ${MAX_FEATURES}`

const Features = recordSchema(featureName, feature).refine(few, tooMany)
const FeatureChanges = recordSchema(featureName, feature.nullable()).refine(few, tooMany)

const PLAN_ID = /^[a-z][a-z0-9_-]{1,31}$/

/** Any text: an invalid id gets the same answer as an unknown one. */
export const PlanParams = z.strictObject({ plan_id: text(200) })

const SEATS = 'How many members an organization may have; null for any number.'

const descriptive = {
  name: line(100),
  markup_percent: MarkupPercent,
  is_public: z.boolean().meta({ description: 'Whether customers see it in the catalog.' }),
  sort_order: z.int().min(0).max(1_000_000).meta({ description: 'Lower ones come first.' }),
  trial_days: z.int().min(0).max(730).meta({ description: 'How many days a first subscription is free.' }),
}

const CREDIT_FIELDS = {
  included_credits_usd: 'Credits at the beginning of each usage period; null for none.',
  rollover_max_usd: 'How much of what is left of them is granted again in the next period; null for nothing.',
} as const

const atNoCredits = z.enum(AT_NO_CREDITS).meta({
  description:
    'For customers who have used credits and have none left: `block` refuses their calls; `allow` lets them continue under the other limits and prices of the plan.',
})

const PRICE_PER_CALL =
  'What a call costs customers, in US dollars to the nano-dollar: each unit of a verification, a reservation or a report. Null for nothing.'

const creditFields = <Schema extends z.ZodType>(amount: Schema) => ({
  included_credits_usd: amount.meta({ description: CREDIT_FIELDS.included_credits_usd }),
  rollover_max_usd: amount.meta({ description: CREDIT_FIELDS.rollover_max_usd }),
})

export const NewPlan = z
  .strictObject({
    id: z
      .string()
      .regex(PLAN_ID, 'must be 2 to 32 lower-case letters, digits, hyphens and underscores, and begin with a letter')
      .meta({ description: 'Its id in verdicts and the catalog. Cannot be changed later.', example: 'team' }),
    name: descriptive.name,
    prices: Prices,
    trial_days: descriptive.trial_days.default(0),
    seats: Seats.nullable().optional().meta({ description: SEATS }),
    addons: Addons.default([]),
    limits: limitsSchema(METER_LIMITS, {
      custom: CustomMeterLimit,
      ofKey: newLimits,
      ofOrganization: newOrganizationLimits,
    }),
    features: Features.default({}),
    is_public: descriptive.is_public.default(true),
    sort_order: descriptive.sort_order.default(100),
    overage: Overage.default({}),
    ...creditFields(positiveUsd.nullable().default(null)),
    at_no_credits: atNoCredits.default('block'),
    price_per_call_usd: positiveUsd.nullable().default(null).meta({ description: PRICE_PER_CALL }),
    markup_percent: MarkupPercent.default(0),
  })
  .meta({
    example: {
      id: 'team',
      name: 'Team',
      prices: [
        { interval: 'month', currency: 'usd', amount_cents: 1_900 },
        { interval: 'year', currency: 'usd', amount_cents: 19_000 },
      ],
      trial_days: 14,
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
    prices: Prices.optional().meta({ description: 'All prices. Replaces the existing ones.' }),
    seats: Seats.nullable().optional().meta({ description: SEATS }),
    addons: Addons.optional().meta({ description: 'All add-ons. Replaces the existing ones.' }),
    ...creditFields(positiveUsd.nullable().optional()),
    at_no_credits: atNoCredits.optional(),
    price_per_call_usd: positiveUsd.nullable().optional().meta({ description: PRICE_PER_CALL }),
    limits: LimitChanges.optional(),
    overage: OverageChanges.optional().meta({ description: 'Absent meters stay unchanged; null removes a meter.' }),
    features: FeatureChanges.optional().meta({
      description: 'Absent features stay unchanged; null removes a feature.',
    }),
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
    version: z.int().meta({ description: 'The newest version, unless the request names another.' }),
    replaced_at: timestamp.nullable().meta({ description: 'When a newer version replaced it.' }),
    prices: z.array(PriceReading),
    seats: Seats.nullable(),
    addons: z.array(AddonReading),
    ...creditFields(usd.nullable()),
    at_no_credits: atNoCredits,
    price_per_call_usd: usd.nullable().meta({ description: PRICE_PER_CALL }),
    limits: limitsSchema(METER_READINGS, {
      custom: CustomMeterReading,
      ofKey: z.array(NamedLimitBody),
      ofOrganization: z.array(NamedLimitBody),
    }),
    features: Features,
    overage: Overage,
    organization_count: z.int().meta({ description: 'The number of organizations on this version.' }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Plan' })

export const PlanList = listSchema(Plan)

export const PlanMove = z
  .strictObject({
    from_version: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'Moves only organizations on this version. Defaults to all older versions.' }),
    ...organizationFilter,
    when: z.enum(['now', 'period_end']).default('period_end').meta({
      description: 'When a different price begins. If the price is the same, the new limits take effect at once.',
    }),
    limit: z.int().min(1).max(100).default(50),
    cursor: text(200).optional().meta({ description: '`next_cursor` from the previous call.' }),
  })
  .meta({ example: { from_version: 1, when: 'period_end' } })

export const PlanMoved = z
  .object({
    moved: z.int(),
    scheduled: z.int().meta({ description: 'Organizations that move when their paid period ends.' }),
    failed: z.array(z.object({ organization_id: z.uuid(), code: z.string(), detail: z.string() })).meta({
      description: 'Organizations that were not moved, and the reason.',
    }),
    next_cursor: z.string().nullable().meta({ description: 'Null when no organizations are left.' }),
  })
  .meta({ id: 'PlanMoved' })
