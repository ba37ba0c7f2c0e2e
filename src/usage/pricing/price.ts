/** What language models' tokens cost. Reached by `import()` alone: a Worker that only verifies keys evaluates none of it. */
import { formatDecimal, formatNanoUsd } from '../../lib/decimal.ts'
import { findModel, type Rates, tiersAt } from './catalogue.ts'

/** Tokens that a model took and gave in one request. Whole numbers, not negative. */
export interface TokenUse {
  /** Absent or empty: the model's name decides. */
  readonly provider?: string | undefined
  readonly model: string
  /** When they were used, in Unix milliseconds: what they cost then is what they cost. */
  readonly at: number
  /** All that went in, cached or not. */
  readonly inputTokens: number
  readonly outputTokens: number
  /** Those of the input that were read from the provider's cache; never more than all of it. */
  readonly cachedTokens: number
}

const PICO_PER_NANO = 1_000n

/**
 * What tokens cost in US dollars, as a decimal string with six to nine decimals: "0.012500".
 *
 * Reckoned in whole picodollars and rounded to whole nano-dollars once, at the end, half up. No step of it is a float.
 *
 * @returns undefined for a model whose price is not known; one that costs nothing is "0.000000"
 */
export function priceTokens({ provider, model, at, ...used }: TokenUse): string | undefined {
  const known = findModel(provider, model)
  const tiers = known && tiersAt(known, at)
  const rates = tiers?.findLast(({ above }) => used.inputTokens > above)?.rates
  return rates && formatNanoUsd((computeCost(used, rates) + PICO_PER_NANO / 2n) / PICO_PER_NANO)
}

type Counts = Pick<TokenUse, 'inputTokens' | 'outputTokens' | 'cachedTokens'>

function computeCost({ inputTokens, outputTokens, cachedTokens }: Counts, rates: Rates): bigint {
  const cached = Math.min(cachedTokens, inputTokens)
  return (
    BigInt(inputTokens - cached) * rates.input +
    BigInt(cached) * rates.cachedInput +
    BigInt(outputTokens) * rates.output
  )
}

/** @param amount millionths of a dollar */
export const inUsd = (amount: bigint) => formatDecimal(amount, 6)
