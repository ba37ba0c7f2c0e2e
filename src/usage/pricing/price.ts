/**
 * Prices the use of language models. Only reached by `import()`, so that a Worker that only verifies keys never loads it.
 */
import type { PriceKind } from '../../db/schema/shapes.ts'
import { formatDecimal, formatNanoUsd } from '../../lib/decimal.ts'
import { EXACT_DIGITS } from '../../limits/charge.ts'
import { findModel, type Rates, tiersAt } from './catalog.ts'

/** What one request used of a model. Whole numbers, not negative. */
export interface TokenUse {
  /** If absent or empty, the model's name decides. */
  readonly provider?: string | undefined
  readonly model: string
  /** When they were used, in Unix milliseconds. The prices of that time apply. */
  readonly at: number
  /** All input tokens: cached, written to a cache, of audio, or none of these. */
  readonly inputTokens: number
  /** All output tokens, including audio. */
  readonly outputTokens: number
  /** Input tokens that were read from the provider's cache; never more than all input tokens. */
  readonly cachedTokens: number
  readonly cacheWriteTokens?: number
  readonly audioInputTokens?: number
  readonly audioOutputTokens?: number
  /** Images, which only the operator's own prices can charge for. */
  readonly images?: number
}

/** The operator's own prices of a model, in picodollars for each token or request. They take precedence over the list. */
export type OwnRates = Readonly<Partial<Record<PriceKind, bigint>>>

const PICO_PER_NANO = 1_000n

/**
 * The price of tokens in US dollars, as a decimal string with six to nine decimals: "0.012500".
 *
 * Computed in whole picodollars and rounded to whole nano-dollars once, at the end, half up. No step uses floats.
 *
 * @returns undefined for a model without a known price; a free model costs "0.000000"
 */
export function priceTokens(use: TokenUse, own: OwnRates = {}): string | undefined {
  const pico = computePico(use, own)
  return pico === undefined ? undefined : formatNanoUsd((pico + PICO_PER_NANO / 2n) / PICO_PER_NANO)
}

/** The same before it is rounded: with six to twelve decimals. */
export function priceExactly(use: TokenUse, own: OwnRates = {}): string | undefined {
  const pico = computePico(use, own)
  return pico === undefined ? undefined : formatDecimal(pico, EXACT_DIGITS).replace(/0{1,6}$/, '')
}

/** @returns undefined if one kind of the tokens has no price: no other price is assumed for it */
function computePico(use: TokenUse, own: OwnRates): bigint | undefined {
  const known = findModel(use.provider, use.model)
  const listed = known && tiersAt(known, use.at)?.findLast(({ above }) => use.inputTokens > above)?.rates
  if (!listed && Object.keys(own).length === 0) return undefined
  const rates = mergeRates(own, listed)
  let pico = priceWhole(use, own)
  for (const [kind, tokens] of splitByKind(use)) {
    const rate = rates[kind]
    if (tokens === 0) continue
    if (rate === undefined) return undefined
    pico += BigInt(tokens) * rate
  }
  return pico
}

/** The price of the request itself, and of each of its images. The list has no such prices. */
const priceWhole = ({ images = 0 }: TokenUse, { request = 0n, image = 0n }: OwnRates): bigint =>
  request + image * BigInt(images)

type TokenKind = Exclude<PriceKind, 'image' | 'request'>

/** For each kind the operator's own price, else the listed one. */
export function mergeRates(own: OwnRates, listed: Rates | undefined): Readonly<Record<TokenKind, bigint | undefined>> {
  const known = listed ? toKinds(listed) : {}
  const input = own.input ?? known.input
  // in the list, cached and written tokens without a rate of their own cost as much as other input
  const asInput = listed && { cached: input, cache_write: input }
  const rates = { input, ...asInput, ...dropUnknown(known), ...own }
  return Object.fromEntries(TOKEN_KINDS.map((kind) => [kind, rates[kind]])) as Record<TokenKind, bigint | undefined>
}

const TOKEN_KINDS = ['input', 'output', 'cached', 'cache_write', 'audio_input', 'audio_output'] as const

const toKinds = (rates: Rates): Partial<Record<TokenKind, bigint | undefined>> => ({
  input: rates.input,
  output: rates.output,
  cached: rates.cachedInput,
  cache_write: rates.cacheWrite,
  audio_input: rates.audioInput,
  audio_output: rates.audioOutput,
})

const dropUnknown = (rates: Partial<Record<TokenKind, bigint | undefined>>) =>
  Object.fromEntries(Object.entries(rates).filter(([, rate]) => rate !== undefined)) as OwnRates

/** Puts each token under one kind. If input tokens are of several kinds, audio goes first, then what was written to a cache. */
function splitByKind(use: TokenUse): readonly (readonly [TokenKind, number])[] {
  const { inputTokens, outputTokens, cachedTokens, cacheWriteTokens = 0 } = use
  const audioIn = Math.min(use.audioInputTokens ?? 0, inputTokens)
  const written = Math.min(cacheWriteTokens, inputTokens - audioIn)
  const cached = Math.min(cachedTokens, inputTokens - audioIn - written)
  const audioOut = Math.min(use.audioOutputTokens ?? 0, outputTokens)
  return [
    ['input', inputTokens - audioIn - written - cached],
    ['cached', cached],
    ['cache_write', written],
    ['audio_input', audioIn],
    ['output', outputTokens - audioOut],
    ['audio_output', audioOut],
  ]
}
