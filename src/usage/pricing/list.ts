import { formatDecimal } from '../../lib/decimal.ts'
import { addMarkup } from '../../limits/charge.ts'
import { catalog, findModel, findProvider, type Model, type Tier, tiersAt } from './catalog.ts'
import { type OwnPrice, selectOwnRates } from './own-prices.ts'
import { mergeRates } from './price.ts'
import { CHECKED_AT, SOURCE } from './prices.ts'

interface PriceFilter {
  readonly provider?: string | undefined
  readonly model?: string | undefined
}

/** The time, own prices and markup of a price list. */
interface PriceTerms {
  /** Unix milliseconds. */
  readonly at: number
  /** The operator's own prices. */
  readonly own: readonly OwnPrice[]
  /** The markup on every price, as decimal text: `0` for the operator. */
  readonly markupPercent: string
}

/**
 * Lists known models and the current prices of their tokens, in US dollars per million, and of each image and request
 * if the operator has set one. With `model`, only the one that
 * prices events of that model, if any.
 */
export function listPrices({ provider, model }: PriceFilter, terms: PriceTerms) {
  return { source: SOURCE, checked_at: CHECKED_AT, data: model === undefined ? listAll(provider, terms) : listOne() }

  function listOne() {
    const name = model as string
    const known = findModel(provider, name)
    const at = known && catalog().find(({ models }) => models.includes(known))?.id
    const named = provider || at || ''
    return describePrice({ provider: at ?? named, model: known?.id ?? name, known, terms, names: { provider, name } })
  }
}

function listAll(provider: string | undefined, terms: PriceTerms) {
  const id = provider === undefined ? undefined : (findProvider(provider.toLowerCase())?.id ?? provider.toLowerCase())
  const places = catalog().filter((place) => id === undefined || place.id === id)
  const listed = places.flatMap((place) =>
    place.models.flatMap((known) =>
      describePrice({
        provider: place.id,
        model: known.id,
        known,
        terms,
        names: { provider: place.id, name: known.id },
      }),
    ),
  )
  return [...listed, ...listOwnModels(id, terms)]
}

/** Exact names that only the operator has a price for. */
function listOwnModels(id: string | undefined, terms: PriceTerms) {
  const named = terms.own.flatMap(({ model, providers: [first = ''] }) => (model.includes('*') ? [] : [[first, model]]))
  const models = new Map(named.map(([provider = '', model = '']) => [`${provider} ${model}`, { provider, model }]))
  return [...models.values()]
    .filter(({ provider, model }) => (id === undefined || provider === id) && !findModel(provider, model))
    .flatMap(({ provider, model }) =>
      describePrice({ provider, model, known: undefined, terms, names: { provider, name: model } }),
    )
}

interface Described {
  readonly provider: string
  readonly model: string
  readonly known: Model | undefined
  readonly terms: PriceTerms
  /** As events name it. */
  readonly names: { readonly provider: string | undefined; readonly name: string }
}

function describePrice({ provider, model, known, terms, names }: Described) {
  const own = selectOwnRates(terms.own, { provider: names.provider, model: names.name, at: terms.at })
  const [base, ...tiers] = (known && tiersAt(known, terms.at)) ?? []
  if (!base && Object.keys(own).length === 0) return []
  const perMillion = (tier: Tier | undefined) => formatRates(mergeRates(own, tier?.rates), terms.markupPercent)
  const long_context = tiers.map((tier) => Object.assign({ above_input_tokens: tier.above }, perMillion(tier)))
  return [{ provider, model, ...perMillion(base), ...formatUnits(own, terms.markupPercent), long_context }]
}

/** The prices of a request and of each of its images, in addition to tokens. The list has no such prices. */
const formatUnits = ({ image, request }: ReturnType<typeof selectOwnRates>, markupPercent: string) => ({
  image_usd: image === undefined ? null : unitInUsd(image, markupPercent),
  request_usd: request === undefined ? null : unitInUsd(request, markupPercent),
})

function formatRates(rates: ReturnType<typeof mergeRates>, markupPercent: string) {
  const format = (rate: bigint | undefined) => (rate === undefined ? null : inUsd(rate, markupPercent))
  return {
    input_usd: format(rates.input),
    cached_input_usd: format(rates.cached),
    cache_write_usd: format(rates.cache_write),
    output_usd: format(rates.output),
    audio_input_usd: format(rates.audio_input),
    audio_output_usd: format(rates.audio_output),
  }
}

/** A picodollar per token is a microdollar per million tokens. */
const inUsd = (pico: bigint, markupPercent: string) => withMarkup(formatDecimal(pico, 6), markupPercent)
const unitInUsd = (pico: bigint, markupPercent: string) => withMarkup(formatDecimal(pico, 12), markupPercent)

/** With at least six decimals. */
const withMarkup = (usd: string, markupPercent: string) =>
  addMarkup(usd, markupPercent).replace(/(?<=\.\d{6}\d*?)0+$/, '')
