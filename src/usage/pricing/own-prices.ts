/** The operator's own prices of models, cached in each isolate, and which of them apply to an event. */
import { cacheRows } from '../../db/row-cache.ts'
import type { PriceKind } from '../../db/schema/shapes.ts'
import type { Deps } from '../../deps.ts'
import { parseDecimal } from '../../lib/decimal.ts'
import { EXACT_DIGITS } from '../../limits/charge.ts'
import { findProvider, listSpellings, selectProvider, withDashedDate } from './catalog.ts'
import type { OwnRates } from './price.ts'

const ANY = '*'

/** One price, in picodollars for each token or request. */
export interface OwnPrice {
  /** Any of the provider's names; empty for every provider. */
  readonly providers: readonly string[]
  /** The pattern of the model's name. */
  readonly model: string
  readonly fits: (model: string) => boolean
  /** How specific the pattern is. More specific prices win. */
  readonly specificity: number
  readonly kind: PriceKind
  readonly pico: bigint
  /** Unix milliseconds. */
  readonly validFrom: number
}

const SELECT = `select provider, model, kind, coalesce(usd_per_unit, usd_per_million / 1000000)::numeric(20, 12)::text as usd,
  extract(epoch from valid_from)::float8 * 1000 as valid_from from model_prices`

interface Row {
  readonly provider: string
  readonly model: string
  readonly kind: PriceKind
  readonly usd: string
  readonly valid_from: number
}

const cache = cacheRows({
  failure: 'prices_not_reloaded',
  freshMs: 3_000,
  maxAgeMs: 6_000,
  read: async ({ sql }) => ((await sql.query(SELECT)) as Row[]).map(toPrice),
})

/**
 * All own prices. A change takes effect within six seconds; while the database does not answer, the last known prices stay.
 *
 * @throws Problem `unavailable` if none are known and the database does not answer
 */
export const findOwnPrices: (deps: Deps) => Promise<readonly OwnPrice[]> = cache.find

/** Discards the cached prices, so that the isolate that changed one sees the change at once. */
export const forgetPrices = cache.forget

export function toPrice({ provider, model, kind, usd, valid_from }: Row): OwnPrice {
  const canonical = findProvider(provider)?.id
  return {
    providers: provider === ANY ? [] : [provider, ...(canonical ? [canonical] : [])],
    model,
    fits: matchPattern(model),
    specificity: measurePattern(model) * 2 + (provider === ANY ? 0 : 1),
    kind,
    pico: parseDecimal(usd, EXACT_DIGITS) ?? 0n,
    validFrom: valid_from,
  }
}

/** More than the characters of any pattern. */
const WHOLE_NAME = 1_000

/** A whole name is more specific than any pattern, and a pattern with more characters besides `*` than one with fewer. */
const measurePattern = (model: string) => (model.includes(ANY) ? model.replaceAll(ANY, '').length : WHOLE_NAME)

/** Without regular expressions: the parts between the stars must follow one another. */
function matchPattern(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split(ANY)
  const last = rest.pop()
  if (last === undefined) return (name) => name === pattern
  return (name) => {
    if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
    const end = name.length - last.length
    let at = first.length
    for (const part of rest) {
      const found = name.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}

interface RateQuery {
  readonly provider?: string | undefined
  readonly model: string
  /** Unix milliseconds. */
  readonly at: number
}

/**
 * The price that applies, for each kind: the one with the most specific pattern, a whole name before any pattern; if equal,
 * one for the named provider before one for any provider; if equal, the newest that was valid at that time.
 */
export function selectOwnRates(prices: readonly OwnPrice[], { provider, model, at }: RateQuery): OwnRates {
  if (prices.length === 0) return {}
  const spellings = listSpellings(provider, model)
  const names = spellings.flatMap(({ name }) => [name, withDashedDate(name)])
  const providers = new Set(spellings.flatMap((one) => [one.provider, selectProvider(one)?.id]))
  const best = new Map<PriceKind, OwnPrice>()
  for (const price of prices) {
    if (price.validFrom > at || !names.some(price.fits)) continue
    if (price.providers.length > 0 && !price.providers.some((one) => providers.has(one))) continue
    const other = best.get(price.kind)
    if (!other || isBefore(price, other)) best.set(price.kind, price)
  }
  return Object.fromEntries([...best].map(([kind, { pico }]) => [kind, pico]))
}

const isBefore = (one: OwnPrice, other: OwnPrice) =>
  one.specificity === other.specificity ? one.validFrom > other.validFrom : one.specificity > other.specificity
