/** Amounts of meters in schemas: what goes out has one form for each meter, what comes in may have two. */
import * as z from 'zod'
import { forEachMeter, isMoney, METER_ROWS, type Meter, MONEY_METERS, NUMBER_METERS } from '../db/schema/meters.ts'
import { roundDecimal } from '../lib/decimal.ts'

/** An amount of a meter of money that goes out; amounts of all other meters are numbers. */
export const money = z.string().meta({ description: 'US dollars, a decimal string.', example: '4.200000' })

/** A schema for each meter that goes out: one where its amounts are numbers, the other where they are money. */
export const forEachAmount = <OfNumber extends z.ZodType, OfMoney extends z.ZodType>(
  ofNumber: OfNumber,
  ofMoney: OfMoney,
) => ({ ...forEachMeter(NUMBER_METERS, () => ofNumber), ...forEachMeter(MONEY_METERS, () => ofMoney) })

/** An amount that goes out where its meter is named beside it. */
export const anyAmount = z
  .union([z.number(), z.string()])
  .meta({ description: 'Of the meter beside it: of `cost_usd` a decimal string, else a number.' })

/** Far above any real limit, and far below where sums would leave the exact integers. */
const MAX_UNITS = 1_000_000_000_000
const MAX_FRACTION = 1_000_000_000

const wholeUnits = z.int().min(0).max(MAX_UNITS)
/** To the millionth, as it is counted. */
const fractions = z.number().min(0).max(MAX_FRACTION).multipleOf(0.000001)

const MESSAGE = 'must be US dollars from 0 to 1,000,000,000 with at most six decimals, as text or as a number'
/** More places than any text that is read as a decimal has: nothing is rounded away unseen. */
const ALL_PLACES = 160
const SIX_PLACES = /^(\d+\.\d{6})0*$/

/** A limit in dollars that comes in: a number, or decimal text as it goes out. Both become the same number. */
const dollars = z
  .union([fractions, z.string().max(100)], MESSAGE)
  .transform((value, context) => {
    if (typeof value === 'number') return Number(value.toFixed(6)) // 0.1 + 0.2 is 0.3
    const [, exact] = SIX_PLACES.exec(roundDecimal(value.trim(), ALL_PLACES) ?? '') ?? []
    if (exact !== undefined && Number(exact) <= MAX_FRACTION) return Number(exact)
    context.issues.push({ code: 'custom', message: MESSAGE, input: value })
    return z.NEVER
  })
  .meta({ description: 'US dollars, as a decimal string or a number.', example: '4.20' })

/** A limit that comes in. Stored as a number, which `jsonb` keeps exactly. */
export const limitInput = (meter: Meter) =>
  isMoney(meter) ? dollars : METER_ROWS[meter].unitsPerOne === 1 ? wholeUnits : fractions
