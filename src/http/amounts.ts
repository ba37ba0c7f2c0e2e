/** Schemas for amounts of meters. Each meter has one form in answers and may have two in requests. */
import * as z from 'zod'
import { forEachMeter, isMoney, METER_ROWS, type Meter, MONEY_METERS, NUMBER_METERS } from '../db/schema/meters.ts'
import { roundDecimal } from '../lib/decimal.ts'

/** An amount of a money meter in an answer. Amounts of all other meters are numbers. */
export const money = z.string().meta({ description: 'US dollars, a decimal string.', example: '4.200000' })

/** One schema per meter for answers: the first for number meters, the second for money meters. */
export const forEachAmount = <OfNumber extends z.ZodType, OfMoney extends z.ZodType>(
  ofNumber: OfNumber,
  ofMoney: OfMoney,
) => ({ ...forEachMeter(NUMBER_METERS, () => ofNumber), ...forEachMeter(MONEY_METERS, () => ofMoney) })

/** An amount in an answer whose meter is named in another field. */
export const anyAmount = z
  .union([z.number(), z.string()])
  .meta({ description: 'The amount of the meter named beside it: a decimal string for `cost_usd`, else a number.' })

/** Far above any real limit, and far below the values at which sums would exceed exact integers. */
const MAX_UNITS = 1_000_000_000_000
const MAX_FRACTION = 1_000_000_000

const wholeUnits = z.int().min(0).max(MAX_UNITS)
/** In millionths, as they are counted. */
const fractions = z.number().min(0).max(MAX_FRACTION).multipleOf(0.000001)

const MESSAGE = 'must be US dollars from 0 to 1,000,000,000 with at most six decimals, as text or as a number'
/** More decimals than any accepted text has, so nothing is rounded away. */
const ALL_PLACES = 160
const SIX_PLACES = /^(\d+\.\d{6})0*$/

/** A limit in dollars in a request: a number, or decimal text as in answers. Both become the same number. */
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

/** A limit in a request. Stored as a number, which `jsonb` keeps exactly. */
export const limitInput = (meter: Meter) =>
  isMoney(meter) ? dollars : METER_ROWS[meter].unitsPerOne === 1 ? wholeUnits : fractions

/** A limit of a custom meter in a request. The meter determines how many decimals it may have (admin/custom-limits.ts). */
export const customLimit = z.number().min(0).max(MAX_UNITS)
