/** Use of a reservation that names neither its model nor its cost: the reservation's model prices it, or its cost is unknown. */
import type { Deps } from '../../deps.ts'
import type { UnattributedEvent } from '../../metering/event.ts'
import type { Warning } from '../describe.ts'
import { type HoldTrace, lookUpTraces } from '../reservations/trace.ts'
import type { Item } from './read-item.ts'

/** The model of use of which nothing says the model or the cost. Statistics count it as unpriced, under this name. */
const UNKNOWN_MODEL = 'unknown'

/** @param trace of the reservation that the event settles; undefined if it was lost */
export function addReservedModel(event: UnattributedEvent, trace: HoldTrace | undefined): UnattributedEvent {
  const { provider, model } = trace ?? {}
  if (event.model) return event.model === model && !event.provider && provider ? { ...event, provider } : event
  if (model) return { ...event, model, ...(provider && !event.provider && { provider }) }
  return isCostMissing(event, trace) ? { ...event, model: UNKNOWN_MODEL, cost_usd: null } : event
}

/** Of a lost reservation, tokens are the only sign that it may have held money. */
function isCostMissing({ cost_usd, ...event }: UnattributedEvent, trace: HoldTrace | undefined): boolean {
  if (cost_usd !== undefined) return false
  const { input_tokens, output_tokens } = event
  const tokens = (input_tokens ?? 0) + (output_tokens ?? 0)
  if (!trace) return tokens > 0
  const isNothing = tokens === 0 && (input_tokens ?? output_tokens) !== undefined
  return trace.has_cost === true && !isNothing
}

/**
 * Ignores the reservation of another organization than the one whose use is reported: its model is that organization's own.
 *
 * @param caller the organization that reports; null for an operator's service, whose event may name the organization
 */
export function dropForeign(item: Item, caller: string | null): Item {
  const owner = caller ?? item.event.organization_id
  const isForeign = owner !== undefined && item.reservation?.organizationId !== owner
  return isForeign ? { ...item, reservation: undefined } : item
}

/** The same for use that is reported under the ids of reservations. Those without a model are looked up, with one request to each Redis. */
export async function addReservedModels(deps: Deps, items: readonly Item[]): Promise<readonly Item[]> {
  const asked = items.filter(({ reservation, event }) => reservation && !event.model && event.cost_usd === undefined)
  if (asked.length === 0) return items
  const traces = new Map<Item, HoldTrace | undefined>()
  const groups = deps.redis.group(new Set(asked.flatMap(({ reservation }) => reservation?.organizationId ?? [])))
  await Promise.all(
    groups.map(async (ids) => {
      const own = asked.filter(({ reservation }) => reservation && ids.includes(reservation.organizationId))
      const found = await lookUpTraces(
        deps,
        own.flatMap(({ reservation }) => reservation ?? []),
      )
      for (const [at, item] of own.entries()) traces.set(item, found[at])
    }),
  )
  return items.map((item) =>
    traces.has(item) ? { ...item, event: addReservedModel(item.event, traces.get(item)) } : item,
  )
}

/** Priced use of a reservation whose price is unknown has no cost, so that it is warned of. */
export const markUnpriced = ({ reservation }: Item, event: UnattributedEvent): UnattributedEvent =>
  reservation && event.model && event.cost_usd === undefined ? { ...event, cost_usd: null } : event

const UNPRICED: Warning = {
  field: 'cost_usd',
  code: 'unpriced',
  detail: 'The cost is not known, and counts as 0: give `cost_usd`, or tokens and a `model` that has a price.',
}

export const warnUnpriced = ({ reservation, event }: Pick<Item, 'reservation' | 'event'>): readonly Warning[] =>
  reservation && event.cost_usd === null ? [UNPRICED] : []
