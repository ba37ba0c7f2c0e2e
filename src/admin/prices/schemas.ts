import * as z from 'zod'
import { PRICE_KINDS, type PriceKind } from '../../db/schema/shapes.ts'
import { listSchema, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { roundDecimal } from '../../lib/decimal.ts'
import { normalizeName } from '../../usage/normalize-name.ts'

/** Decimals of both amounts: either way, a token or unit costs a whole number of picodollars. */
const PER_MILLION_DIGITS = 6
const PER_UNIT_DIGITS = 12
const MAX_USD = 1_000_000
/** More decimals than any accepted text has, so nothing is rounded away. */
const ALL_PLACES = 160

const dollars = (digits: number, description: string) => {
  const message = `must be US dollars from 0 to 1,000,000 with at most ${digits} decimals`
  const exact = new RegExp(`^(\\d+\\.\\d{${digits}})0*$`)
  return z
    .union([z.string().max(100), z.number()], message)
    .transform((value, context) => {
      const [, amount] = exact.exec(roundDecimal(String(value).trim(), ALL_PLACES) ?? '') ?? []
      if (amount !== undefined && Number(amount) <= MAX_USD) return amount
      context.issues.push({ code: 'custom', message, input: value })
      return z.NEVER
    })
    .meta({ description, example: '2.50' })
}

const name = (maxLength: number, what: string) =>
  text(maxLength)
    .min(1, `must be ${what}`)
    .transform(normalizeName)
    .refine((value) => /^\S+$/.test(value), `must be ${what} without spaces`)

/** Kinds that are not tokens: their price is per unit. */
const WITHOUT_TOKENS: ReadonlySet<PriceKind> = new Set(['image', 'request'])

export const NewPrice = z
  .strictObject({
    provider: name(100, 'a provider').meta({
      description: 'As in events. `*` for any provider, and for events without one.',
    }),
    model: name(200, 'the name of a model').meta({
      description: 'The name of a model, in upper or lower case. `*` matches any characters.',
      example: 'gpt-4o*',
    }),
    kind: z
      .enum(PRICE_KINDS)
      .meta({ description: 'What the price applies to: one kind of tokens, each image, or each request.' }),
    usd_per_million: dollars(PER_MILLION_DIGITS, 'US dollars of a million tokens.').optional(),
    usd_per_unit: dollars(PER_UNIT_DIGITS, 'US dollars of one token, image or request.').optional(),
    valid_from: z.iso
      .datetime({ offset: true })
      .refine((value) => value >= '2000' && value < '2100', 'must be in this century')
      .optional()
      .meta({ description: 'The price applies to events from this time on, by their timestamp. Defaults to now.' }),
  })
  .superRefine(({ kind, usd_per_million, usd_per_unit }, context) => {
    const fail = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message })
    if (usd_per_million === undefined && usd_per_unit === undefined)
      fail('usd_per_million', 'must be given, or usd_per_unit')
    else if (usd_per_million !== undefined && usd_per_unit !== undefined)
      fail('usd_per_unit', 'must not be given together with usd_per_million')
    else if (usd_per_million !== undefined && WITHOUT_TOKENS.has(kind))
      fail('usd_per_million', `must not be given for a ${kind}: give usd_per_unit`)
  })
  .meta({ example: { provider: 'openai', model: 'gpt-4o*', kind: 'input', usd_per_million: '2.25' } })

const money = z.string().nullable()

export const Price = z
  .object({
    id: uuid,
    provider: z.string(),
    model: z.string(),
    kind: z.enum(PRICE_KINDS),
    usd_per_million: money.meta({
      description: 'US dollars, as a decimal string. Null if the price is per image or request.',
    }),
    usd_per_unit: money.meta({
      description: 'US dollars, as a decimal string. Null if the price is per million tokens.',
    }),
    valid_from: timestamp,
    created_at: timestamp,
  })
  .meta({ id: 'OwnModelPrice' })

export const PriceList = listSchema(Price)

export const PriceListQuery = z.strictObject({
  provider: text(100).transform(normalizeName).optional().meta({ description: 'Only prices of this provider.' }),
  model: text(200).transform(normalizeName).optional().meta({ description: 'Only prices of this name or pattern.' }),
})

export const PriceParams = z.strictObject({ id: text(200) })
