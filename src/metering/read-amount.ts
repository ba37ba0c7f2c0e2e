import { toSlug } from '../db/schema/meter-names.ts'
import { chargeNanoUsd } from '../limits/charge.ts'
import type { KeyAllowance } from '../limits/key-allowance.ts'
import { roundScaled } from '../limits/meters/quantities.ts'
import type { UsageEvent } from './event.ts'

interface ReadMeter {
  readonly meter: string
  readonly scale?: number | undefined
  /** From the plan of the event's key: money is the customer's price. */
  readonly prices: Prices
}

export type Prices = Pick<KeyAllowance, 'markupPercent' | 'pricePerCall'>
export const NO_PRICES: Prices = { markupPercent: '0', pricePerCall: 0 }

/** The usage of an event in a limit's meter, in whole units. */
export function readAmount(event: UsageEvent, { meter, scale, prices }: ReadMeter) {
  const { input_tokens = 0, output_tokens = 0, api_calls = 0, queries = 0, quantities } = event
  if (scale !== undefined) return roundScaled(quantities?.[toSlug(meter)] ?? 0, scale)
  const calls = api_calls * prices.pricePerCall
  const cost_usd = (event.cost_usd ? chargeNanoUsd(event.cost_usd, prices.markupPercent) : 0) + calls
  const used = { api_calls, queries, tokens: input_tokens + output_tokens, input_tokens, output_tokens, cost_usd }
  return (used as Readonly<Record<string, number>>)[meter] ?? 0
}
