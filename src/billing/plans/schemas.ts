import * as z from 'zod'
import { forEachAmount, money } from '../../http/amounts.ts'

const meterLimit = <Schema extends z.ZodType>(amounts: Schema) =>
  z.object({
    limit: amounts.nullable().meta({ description: 'Null for no limit.' }),
    at_limit: z
      .enum(['block', 'allow'])
      .meta({ description: '`block`: requests above the limit are refused. `allow`: they continue, as overage.' }),
  })

const CatalogueLimit = meterLimit(z.number()).meta({ id: 'CatalogueLimit' })
const MoneyCatalogueLimit = meterLimit(money).meta({ id: 'MoneyCatalogueLimit' })

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
      .meta({ id: 'CatalogueOverageTier' }),
  )
  .meta({ description: 'Each price applies only to the units inside its tier.' })

const CataloguePlan = z
  .object({
    id: z.string().meta({ example: 'builder' }),
    name: z.string(),
    price_per_month_cents: z.int().nullable().meta({ description: 'Null if the price is negotiated.' }),
    currency: z.literal('usd'),
    rate_limit_per_minute: z.int().meta({ description: 'The limit of each API key.' }),
    max_api_keys: z.int(),
    meters: z.object(forEachAmount(CatalogueLimit, MoneyCatalogueLimit)),
    overage: z.record(z.string(), OverageTiers).meta({
      description: 'The prices of units above a limit, by meter. A meter that is absent costs nothing extra.',
    }),
    features: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  })
  .meta({ id: 'CataloguePlan' })

export const Catalogue = z
  .object({ data: z.array(CataloguePlan), next_cursor: z.null() })
  .meta({ id: 'CataloguePlanList' })
