/** Converts the request of a reservation to whole units of each meter. */
import { ALL_METERS, forEachMeter, isMoney, type Meter } from '../../db/schema/meters.ts'
import type { Deps } from '../../deps.ts'
import { addMarkup } from '../../limits/charge.ts'
import { toUnits } from '../../limits/meters/units.ts'
import type { OrganizationUse } from '../../limits/quotas.ts'
import type { UnattributedEvent } from '../../metering/event.ts'
import { resolveTokens, type Tokens } from '../tokens.ts'
import type { ReserveRequest } from './schemas.ts'

type Amounted = Readonly<Partial<Record<Meter, number | string | null>>>

/** The reserved amounts, in the units that people read, and the kinds of tokens. `cost_usd` is what the provider charges. */
interface Estimate {
  readonly amounts: Amounted
  readonly tokens: Tokens
}

/** If the request gives no cost, tokens are priced by the model. */
export async function estimateAmounts(deps: Deps, request: ReserveRequest): Promise<Estimate> {
  const counted = resolveTokens(request) as Tokens // the schema refuses contradictions
  const tokens = addAmounts(counted.input_tokens, counted.output_tokens)
  const cost_usd = request.cost_usd ?? (await estimatedCost(deps, request, counted))
  const asked = { ...request, tokens, cost_usd }
  return { amounts: forEachMeter(ALL_METERS, (meter) => asked[meter] ?? null), tokens: counted }
}

/** Converts to whole units. Money is what the customer pays, including the price of calls. */
export function toUnitAmounts(
  asked: Amounted,
  { markupPercent, pricePerCall }: OrganizationUse,
): ReadonlyMap<Meter, number> {
  const calls = Number(asked.api_calls ?? 0) * pricePerCall
  return new Map(
    ALL_METERS.flatMap((meter) => {
      const amount = asked[meter] ?? (isMoney(meter) && calls > 0 ? 0 : undefined)
      if (amount === undefined) return []
      const units = isMoney(meter)
        ? toUnits(meter, addMarkup(String(amount), markupPercent)) + calls
        : toUnits(meter, amount)
      return [[meter, units] as const]
    }),
  )
}

const addAmounts = (...parts: (number | null | undefined)[]) =>
  parts.every((part) => part === undefined || part === null)
    ? undefined
    : parts.reduce<number>((sum, part) => sum + (part ?? 0), 0)

async function estimatedCost(deps: Deps, { provider, model, quantities }: ReserveRequest, counted: Tokens) {
  if (!model) return undefined
  const estimate = { input_tokens: 0, ...counted, model, provider: provider ?? '', ...(quantities && { quantities }) }
  const occurred_at = new Date(deps.now()).toISOString()
  const event: UnattributedEvent = { id: '', occurred_at, ...estimate }
  const [priced] = await deps.priceUsage([event])
  return priced?.cost_usd
}
