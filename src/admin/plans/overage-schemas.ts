/** A plan's prices above its limits. */
import * as z from 'zod'
import { forEachMeter, METERS } from '../../db/schema/meters.ts'
import { line } from '../../http/fields.ts'
import { withoutPrototype } from '../../http/text-field.ts'

const MAX_TIERS = 20

const tier = z
  .strictObject({
    up_to: z
      .int()
      .min(1)
      .max(1_000_000_000_000)
      .nullable()
      .meta({ description: 'The last unit above the limit at this price; null for all remaining units.' }),
    unit_price_usd: z
      .string()
      .regex(/^\d{1,6}(\.\d{1,12})?$/, 'must be dollars as decimal text, such as "0.00002"')
      .meta({
        description: 'US dollars per unit, such as `0.00002`. A unit of `cost_usd` is a millionth of a dollar.',
      }),
  })
  .meta({ id: 'OverageTier' })

/** @returns whether each tier ends above the previous one, and the last one has no end */
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
      .meta({ description: 'Each price applies only to the units inside its tier.' }),
    polar_event: line(128)
      .optional()
      .meta({ description: "The name of the meter's events. Defaults to the meter's name." }),
    stripe_meter: line(100)
      .optional()
      .meta({ description: "The meter's name on Stripe's invoices. Defaults to the meter's name." }),
    stripe_price_id: line(200).optional().meta({
      description: 'A metered price that Stripe bills as well, for usage that you report to Stripe yourself.',
    }),
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

export const Overage = withoutPrototype(
  z
    .object(forEachMeter(METERS, () => overagePrice))
    .partial()
    .catchall(overagePrice)
    .meta({
      id: 'PlanOverage',
      description: 'The prices of units above limits that allow overage. A meter that is absent costs nothing extra.',
    }),
)

export const OverageChanges = withoutPrototype(
  z
    .object(forEachMeter(METERS, () => overagePrice.nullable()))
    .partial()
    .catchall(overagePrice.nullable()),
)
