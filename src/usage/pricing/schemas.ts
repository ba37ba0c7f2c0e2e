import * as z from 'zod'
import { organizationRef } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'

export const PriceQuery = z.strictObject({
  provider: text(200).min(1).optional(),
  model: text(200)
    .min(1)
    .optional()
    .meta({ description: 'A model as events name it: the answer is what such an event is priced by, or nothing.' }),
  ...organizationRef,
})

const dollars = z.string().meta({ description: 'US dollars per million tokens, a decimal string.' })
const rates = { input_usd: dollars, cached_input_usd: dollars, output_usd: dollars }

export const Prices = z
  .object({
    source: z.string(),
    checked_at: z.iso.date().meta({ description: 'The day of the source: later changes of price are not in it.' }),
    data: z.array(
      z.object({
        provider: z.string(),
        model: z.string(),
        ...rates,
        long_context: z
          .array(z.object({ above_input_tokens: z.int(), ...rates }))
          .meta({ description: 'What a whole request costs that has more input tokens than that.' }),
      }),
    ),
  })
  .meta({ id: 'ModelPrices' })
