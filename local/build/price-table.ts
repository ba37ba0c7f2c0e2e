/**
 * Converts the data of @pydantic/genai-prices to the table of src/usage/pricing/prices.ts: one line for each model, so that
 * a change of price is one line of a diff. The grammar is described there and read by src/usage/pricing/catalog.ts.
 */
import { findProvider, type MatchLogic, type ModelInfo, type ModelPrice, type Provider } from '@pydantic/genai-prices'

/**
 * Model makers and the usual hosts of open models, in the order of the package: without a provider, the first one whose
 * names match a model decides. OpenRouter is left out: it reports the cost of each call itself.
 */
export const PROVIDERS = [
  'anthropic',
  'aws',
  'azure',
  'cerebras',
  'cloudflare',
  'cohere',
  'deepseek',
  'fireworks',
  'google',
  'groq',
  'minimax',
  'mistral',
  'moonshotai',
  'openai',
  'perplexity',
  'together',
  'voyageai',
  'x-ai',
  'zai',
  'zhipuai',
] as const

type Price = ModelPrice[string]

/** Prices of tokens; a model with only other prices (hours of audio, pages) has none for its tokens. */
const OF_TOKENS = ['input_mtok', 'output_mtok', 'cache_read_mtok'] as const
/** Prices of other kinds that a model may have as well. */
const OTHERS = ['cache_write_mtok', 'input_audio_mtok', 'output_audio_mtok'] as const
const RATES = [...OF_TOKENS, ...OTHERS]

/** Entries of the package that exist for its own tests. */
const NOT_MODELS = new Set(['cerebras qwen-3-coder-480b'])

/** Not one of the providers, but its name contains the name of one: it must not get that provider's prices. */
const NOT_THAT_ONE = '# huggingface_cerebras'

/** Builds the whole table. @throws Error for anything in the data that the grammar cannot express */
export function priceTable(): string {
  const lines = PROVIDERS.flatMap((id) => {
    const provider = findProvider({ providerId: id })
    if (provider?.id !== id) throw new Error(`The package knows no provider ${id}.`)
    return [renderHead(provider), ...provider.models.filter((model) => isModel(id, model)).map(renderLine)]
  })
  return [...lines, NOT_THAT_ONE].join('\n')
}

const isModel = (provider: string, { id }: ModelInfo) => !NOT_MODELS.has(`${provider} ${id}`)

function renderHead({ id, provider_match, model_match, fallback_model_providers = [] }: Provider): string {
  const named = provider_match ? ` as ${listNames(provider_match).join(',')}` : ''
  const known = model_match ? ` by ${listNames(model_match).join(',')}` : ''
  const also = fallback_model_providers.filter((one) => PROVIDERS.some((provider) => provider === one))
  return `# ${id}${named}${known}${also.length > 0 ? ` also ${also.join(',')}` : ''}`
}

function renderLine({ id, match, prices }: ModelInfo): string {
  const own = id.toLowerCase()
  const patterns = listNames(match).map((pattern) => (pattern === own ? '=' : pattern))
  const conditional = Array.isArray(prices) ? prices : [{ prices }]
  return [word(own), patterns.join(','), ...conditional.map(conditionalPrice)].join(' ')
}

const listNames = (match: MatchLogic) => [...new Set(listPatterns(match))]

/** Any of the patterns must match; of parts joined by `&`, all must. */
function listPatterns(match: MatchLogic): string[] {
  if ('or' in match) return match.or.flatMap(listPatterns)
  if ('and' in match) return [match.and.flatMap(listPatterns).join('&')]
  if ('regex' in match) return [`/${word(match.regex)}/`]
  if ('equals' in match) return [literal(match.equals)]
  if ('starts_with' in match) return [`${literal(match.starts_with)}*`]
  if ('ends_with' in match) return [`*${literal(match.ends_with)}`]
  return [`*${literal(match.contains)}*`]
}

function literal(text: string): string {
  if (/^[*/=#]|\*$/.test(text)) throw new Error(`A name that looks like a pattern: ${text}`)
  return word(text.toLowerCase())
}

function word(text: string): string {
  if (/[\s,&`]|\$\{/.test(text)) throw new Error(`Not one word: ${text}`)
  return text
}

function conditionalPrice({ constraint, prices }: Exclude<ModelInfo['prices'], ModelPrice>[number]): string {
  if (!constraint) return renderPrice(prices)
  if (constraint.type === 'start_date') return `${constraint.start_date}=${renderPrice(prices)}`
  return `${renderTime(constraint.start_time)}-${renderTime(constraint.end_time)}=${renderPrice(prices)}`
}

function renderTime(time: string): string {
  const [, minutes] = /^(\d\d:\d\d):00Z$/.exec(time) ?? []
  if (!minutes) throw new Error(`Not a whole minute in UTC: ${time}`)
  return minutes
}

/** A model without any price is free at its host; one with only other prices has no price for tokens. */
function renderPrice(prices: ModelPrice): string {
  const isUnknown = 'requests_kcount' in prices || !OF_TOKENS.some((key) => key in prices)
  if (isUnknown && Object.keys(prices).length > 0) return '-'
  const tiers = RATES.flatMap((key) => listTiers(prices[key]).map(({ start }) => start))
  const above = [...new Set(tiers)].toSorted((a, b) => a - b)
  return [ratesAt(prices, -1), ...above.map((start) => `${start}:${ratesAt(prices, start)}`)].join('>')
}

const listTiers = (price: Price) => (typeof price === 'object' ? price.tiers : [])

/** Input and output, then the others if they have a price of their own, in dollars per million tokens. */
function ratesAt(prices: ModelPrice, start: number): string {
  const rates = RATES.map((key) => {
    const price = prices[key]
    if (typeof price !== 'object') return price
    return (
      price.tiers.filter((tier) => tier.start <= start).toSorted((a, b) => b.start - a.start)[0]?.price ?? price.base
    )
  })
  const [input = 0, output = 0, ...others] = rates
  const texts = [input, output, ...others].map((rate) => (rate === undefined ? '' : decimal(rate)))
  return texts.join('/').replace(/\/+$/, '')
}

/** Six decimals of a dollar per million tokens are whole picodollars per token. */
function decimal(price: number): string {
  const rounded = Number(price.toFixed(6))
  if (Math.abs(rounded - price) > 1e-12) throw new Error(`A price with more than six decimals: ${price}`)
  return price.toFixed(6).replace(/\.?0+$/, '')
}
