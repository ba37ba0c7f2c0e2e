/** Fields of use that verifications and reports share. A verification loads none of the others. */
import * as z from 'zod'
import { text } from './text-field.ts'

/** Closer to 0 than half of the smallest fraction that anything is counted in. */
const NOISE = 5e-10

/** What subtractions of floats leave of 0, on either side of it, is 0. */
const clearNoise = (amount: number) => (Math.abs(amount) < NOISE ? 0 : amount)

/** An amount of a custom meter. */
export const amountOfUse = z.number().overwrite(clearNoise).min(0)

/** A whole number of units. */
export const countOfUse = (most: number) => z.number().overwrite(clearNoise).int().min(0).max(most)

/** Whether decimal text is a negative number that is only noise. */
export const isNoise = (decimal: string) => decimal.startsWith('-') && Number(decimal) > -NOISE

/** An empty text names nobody, as null does. */
export const subjectOfUse = text(128).transform((name) => name || null)
