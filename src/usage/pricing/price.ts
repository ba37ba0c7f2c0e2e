/**
 * Prices the tokens of language models. Only reached by `import()`, so that a Worker that only verifies keys never
 * loads it.
 */
import { formatDecimal, formatNanoUsd } from '../../lib/decimal.ts'
import { findModel, type Rates, tiersAt } from './catalogue.ts'

/** Input and output tokens of a model in one request. Whole numbers, not negative. */
export interface TokenUse {
  /** If absent or empty, the model's name decides. */
  readonly provider?: string | undefined
  readonly model: string
  /** When they were used, in Unix milliseconds. The prices of that time apply. */
  readonly at: number
  /** All input tokens, cached or not. */
  readonly inputTokens: number
  readonly outputTokens: number
  /** Input tokens that were read from the provider's cache; never more than all input tokens. */
  readonly cachedTokens: number
}

const PICO_PER_NANO = 1_000n

/**
 * The price of tokens in US dollars, as a decimal string with six to nine decimals: "0.012500".
 *
 * Computed in whole picodollars and rounded to whole nano-dollars once, at the end, half up. No step uses floats.
 *
 * @returns undefined for a model without a known price; a free model costs "0.000000"
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
