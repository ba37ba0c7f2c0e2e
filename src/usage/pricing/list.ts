import { catalogue, findModel, type Model, type Tier, tiersAt } from './catalogue.ts'
import { inUsd } from './price.ts'
import { CHECKED_AT, SOURCE } from './prices.ts'

interface PriceFilter {
  readonly provider?: string | undefined
  readonly model?: string | undefined
}

/**
 * Lists known models and the current prices of their tokens, in US dollars per million. With `model`, only the one that
 * prices events of that model, if there is one.
 *
 * @param at Unix milliseconds
 */
export function listPrices({ provider, model }: PriceFilter, at: number) {
  const one = model === undefined ? undefined : findModel(provider, model)
  const isWanted = (id: string, known: Model) =>
    model === undefined ? provider === undefined || provider === id : known === one
  const data = catalogue().flatMap(({ id, models }) =>
    models.filter((known) => isWanted(id, known)).flatMap((known) => describePrice(id, known, at)),
  )
  return { source: SOURCE, checked_at: CHECKED_AT, data }
}

function describePrice(provider: string, model: Model, at: number) {
  const [base, ...tiers] = tiersAt(model, at) ?? []
  if (!base) return []
  const long_context = tiers.map((tier) => Object.assign({ above_input_tokens: tier.above }, perMillion(tier)))
  return [{ provider, model: model.id, ...perMillion(base), long_context }]
}

/** A picodollar per token is a microdollar per million tokens. */
const perMillion = ({ rates }: Tier) => ({
  input_usd: inUsd(rates.input),
  cached_input_usd: inUsd(rates.cachedInput),
  output_usd: inUsd(rates.output),
})
