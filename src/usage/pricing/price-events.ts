import type { Deps } from '../../deps.ts'
import type { UnattributedEvent } from '../../metering/event.ts'
import { findOwnPrices, type OwnPrice, selectOwnRates } from './own-prices.ts'
import { priceExactly } from './price.ts'

/** The fields of an event that its price depends on. */
type Priced = Pick<
  UnattributedEvent,
  | 'model'
  | 'provider'
  | 'cost_usd'
  | 'input_tokens'
  | 'output_tokens'
  | 'cached_tokens'
  | 'cache_write_tokens'
  | 'audio_input_tokens'
  | 'audio_output_tokens'
  | 'quantities'
>

/** Whether an event uses a model and states neither its cost nor that the cost is unknown. */
export const lacksCost = ({ model, cost_usd }: Priced) => Boolean(model) && cost_usd === undefined

/**
 * Sets the cost of events with a model and without a cost: by the operator's own prices, else by the list, as of their time.
 * Null if the price is not known; an event without tokens stays without a cost unless its request has a price.
 *
 * @throws Problem `unavailable` if the operator's prices are not known and the database does not answer
 */
export async function priceEvents<E extends Priced & { readonly occurred_at: string }>(
  deps: Deps,
  events: readonly E[],
): Promise<readonly E[]> {
  if (!events.some(lacksCost)) return events
  const prices = await findOwnPrices(deps)
  return events.map((event) => (lacksCost(event) ? { ...event, ...findCost(prices, event) } : event))
}

function findCost(prices: readonly OwnPrice[], event: Priced & { readonly occurred_at: string }) {
  const { provider, model = '' } = event
  const at = Date.parse(event.occurred_at)
  const own = selectOwnRates(prices, { provider, model, at })
  const hasTokens = event.input_tokens !== undefined || event.output_tokens !== undefined
  if (!hasTokens && own.request === undefined && own.image === undefined) return {}
  return { cost_usd: priceExactly({ provider, model, at, ...countTokens(event) }, own) ?? null }
}

/** The tokens of an event by their kinds. */
export const countTokens = (event: Priced) => ({
  inputTokens: event.input_tokens ?? 0,
  outputTokens: event.output_tokens ?? 0,
  cachedTokens: event.cached_tokens ?? 0,
  cacheWriteTokens: event.cache_write_tokens ?? 0,
  audioInputTokens: event.audio_input_tokens ?? 0,
  audioOutputTokens: event.audio_output_tokens ?? 0,
  images: Math.round(event.quantities?.images ?? 0),
})
