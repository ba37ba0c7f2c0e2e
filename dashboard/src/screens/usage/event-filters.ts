import { useRead } from '../../api/hooks.ts'
import { beginning } from './event-ranges.ts'
import { DIMENSIONS, type Dimension, dimensionName, filterOf } from './measures.ts'

export const FILTERS = [...DIMENSIONS, ['id', 'Event id']] as const
export type FilterName = Dimension | 'id'

export const EVENT_STATE = {
  range: '24h',
  outcome: '',
  key_id: '',
  endpoint: '',
  model: '',
  provider: '',
  route: '',
  status: '',
  environment: '',
  id: '',
  live: '',
  event: '',
}

export type EventState = typeof EVENT_STATE

/** The name of a filter in the address and in the API. */
export const fieldOf = (name: FilterName): keyof EventState =>
  (name === 'id' ? 'id' : filterOf(name)) as keyof EventState

export const filterName = (name: FilterName): string => (name === 'id' ? 'Event id' : dimensionName(name))

/** What the API is asked. */
export function toQuery(state: EventState, from: string) {
  const { key_id, endpoint, model, provider, route, status, environment, id, outcome } = state
  return {
    limit: 50,
    from,
    key_id,
    endpoint,
    model,
    provider,
    route,
    status,
    environment,
    id,
    ...(outcome === 'failed' && { errors_only: 'true' as const }),
  }
}

/** The names of the keys that were used lately, by id. */
export function useKeyNames(): (id: string | null) => string | undefined {
  const { data } = useRead('GET /usage/breakdown', { query: { from: beginning('35d'), by: 'key', limit: 100 } })
  const names = new Map(data?.data.map(({ value, name }) => [value, name]))
  return (id) => names.get(id) ?? undefined
}
