import * as z from 'zod'
import { organizationRef } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'

export const PriceQuery = z.strictObject({
  provider: text(200).min(1).optional(),
  model: text(200)
    .min(1)
    .optional()
    .meta({ description: 'A model as in events. Returns only the entry that applies to such an event, if any.' }),
  ...organizationRef,
})

const dollars = z.string().meta({ description: 'US dollars per million tokens, a decimal string.' })
const rates = {
  input_usd: dollars.nullable().meta({ description: 'US dollars per million tokens; null if it is not known.' }),
  cached_input_usd: dollars.nullable(),
  cache_write_usd: dollars.nullable().meta({ description: 'The price of input that is written to a cache.' }),
  output_usd: dollars.nullable(),
  audio_input_usd: dollars.nullable(),
  audio_output_usd: dollars.nullable(),
}

/** Only the operator's own prices cover anything but tokens. */
const unit = z.string().nullable()

export const Prices = z
  .object({
    source: z.string(),
    checked_at: z.iso.date().meta({ description: 'The date of the source. Later price changes are not included.' }),
    data: z.array(
      z.object({
        provider: z.string(),
        model: z.string(),
        ...rates,
        image_usd: unit.meta({ description: 'US dollars per image, in addition to the tokens; null for none.' }),
        request_usd: unit.meta({ description: 'US dollars per request, in addition to the tokens; null for none.' }),
        long_context: z.array(z.object({ above_input_tokens: z.int(), ...rates })).meta({
          description: 'The prices of a request with more input tokens than that. They apply to all its tokens.',
        }),
      }),
    ),
  })
  .meta({ id: 'ModelPrices' })
