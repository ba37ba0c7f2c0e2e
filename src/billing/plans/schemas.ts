import * as z from 'zod'
import { AT_NO_CREDITS } from '../../db/schema/plans.ts'
import { INTERVALS } from '../../db/schema/shapes.ts'
import { forEachAmount, money } from '../../http/amounts.ts'
import { NamedLimitBody } from '../../keys/limit-schemas.ts'

const meterLimit = <Schema extends z.ZodType>(amounts: Schema) =>
  z.object({
    limit: amounts.nullable().meta({ description: 'Null for no limit.' }),
    at_limit: z
      .enum(['block', 'allow'])
      .meta({ description: '`block`: requests above the limit are refused. `allow`: they continue, as overage.' }),
  })

const CatalogLimit = meterLimit(z.number()).meta({ id: 'CatalogLimit' })
const MoneyCatalogLimit = meterLimit(money).meta({ id: 'MoneyCatalogLimit' })

const OverageTiers = z
  .array(
    z
      .object({
        up_to: z
          .int()
          .nullable()
          .meta({ description: 'The last unit above the limit at this price; null for all remaining units.' }),
        unit_price_usd: z.string().meta({ description: 'US dollars per unit, as a decimal string.' }),
      })
      .meta({ id: 'CatalogOverageTier' }),
  )
  .meta({ description: 'Each price applies only to the units inside its tier.' })

export const CatalogPrice = z
  .object({
    interval: z.enum(INTERVALS),
    currency: z.string().meta({ description: 'ISO 4217, in lower case.', example: 'usd' }),
    amount_cents: z
      .int()
      .nullable()
      .meta({ description: 'For each interval, in the smallest unit of the currency. Null if it is negotiated.' }),
    seat_amount_cents: z
      .int()
      .optional()
      .meta({ description: 'For each seat above the included ones. Absent if no more are sold.' }),
  })
  .meta({ id: 'CatalogPrice' })

const CatalogPlan = z
  .object({
    id: z.string().meta({ example: 'builder' }),
    name: z.string(),
    prices: z
      .array(CatalogPrice)
      .meta({ description: 'One for each interval and currency. Empty if the price is negotiated.' }),
    trial_days: z.int().meta({ description: 'How many days a first subscription is free.' }),
    seats: z
      .object({ included: z.int(), max: z.int().optional() })
      .nullable()
      .meta({ description: 'How many members it includes, and how many it can have. Null for any number.' }),
    addons: z.array(
      z
        .object({
          id: z.string(),
          name: z.string(),
          prices: z.array(CatalogPrice),
          limits: z.object({
            meters: z.record(z.string(), z.number()).optional(),
            max_api_keys: z.int().optional(),
            seats: z.int().optional(),
          }),
        })
        .meta({ id: 'CatalogAddon', description: 'What it adds to the limits, each time it is bought.' }),
    ),
    rate_limit_per_minute: z.int().meta({ description: 'The limit of each API key.' }),
    max_api_keys: z.int(),
    max_concurrent: z
      .int()
      .nullable()
      .meta({ description: 'The maximum number of open reservations; null for any number.' }),
    key_max_concurrent: z.int().nullable().meta({ description: 'The same for each key without its own maximum.' }),
    key_limits: z.array(NamedLimitBody).meta({ description: "Limits of every key, in addition to the key's own." }),
    organization_limits: z
      .array(NamedLimitBody)
      .meta({ description: 'Limits of an organization, in which all its keys count together.' }),
    meters: z
      .object(forEachAmount(CatalogLimit, MoneyCatalogLimit))
      .catchall(z.union([CatalogLimit, MoneyCatalogLimit])),
    overage: z.record(z.string(), OverageTiers).meta({
      description: 'The prices of units above a limit, by meter. A meter that is absent costs nothing extra.',
    }),
    features: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
    price_per_call_usd: z
      .string()
      .nullable()
      .meta({ description: 'The price of a call in US dollars; null if calls are free.' }),
    included_credits_usd: z
      .string()
      .nullable()
      .meta({ description: 'Credits at the beginning of each usage period; null for none.' }),
    rollover_max_usd: z
      .string()
      .nullable()
      .meta({ description: 'The maximum of unused credits that carry over to the next period; null for none.' }),
    at_no_credits: z.enum(AT_NO_CREDITS).meta({
      description:
        'When credits are used up: `block`: calls are refused. `allow`: they continue, under the limits and prices of the plan.',
    }),
  })
  .meta({ id: 'CatalogPlan' })

export const Catalog = z.object({ data: z.array(CatalogPlan), next_cursor: z.null() }).meta({ id: 'CatalogPlanList' })
