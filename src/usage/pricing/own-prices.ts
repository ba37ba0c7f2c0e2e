/** The operator's own prices of models, in the memory of each isolate, and which of them apply to an event. */
import { cacheRows } from '../../db/row-cache.ts'
import type { PriceKind } from '../../db/schema/shapes.ts'
import type { Deps } from '../../deps.ts'
import { parseDecimal } from '../../lib/decimal.ts'
import { EXACT_DIGITS } from '../../limits/charge.ts'
import { findProvider, listSpellings, selectProvider, withDashedDate } from './catalogue.ts'
import type { OwnRates } from './price.ts'

const ANY = '*'

/** One price, in picodollars for each token or request. */
export interface OwnPrice {
  /** Any of its names; empty for every provider. */
  readonly providers: readonly string[]
  /** The pattern of the model's name. */
  readonly model: string
  readonly fits: (model: string) => boolean
  /** How much of a name the pattern says: the more, the earlier it applies. */
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
 * All of them. A change is in force within six seconds; while the database does not answer, the last known ones stay.
 *
 * @throws Problem `unavailable` if none are known and the database does not answer
 */
export const findOwnPrices: (deps: Deps) => Promise<readonly OwnPrice[]> = cache.find

/** Lets the isolate that changed a price follow at once. */
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

/** More than any pattern has characters. */
const WHOLE_NAME = 1_000

/** A whole name says more than any pattern, a pattern the more the more characters it has beside `*`. */
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

interface Asked {
  readonly provider?: string | undefined
  readonly model: string
  /** Unix milliseconds. */
  readonly at: number
}

/**
 * For each kind the price that applies: that of the pattern that says most of the model's name, a whole name before any
 * pattern; of equal ones that of the named provider before one of any; of these the newest that had begun then.
 */
export function selectOwnRates(prices: readonly OwnPrice[], { provider, model, at }: Asked): OwnRates {
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
