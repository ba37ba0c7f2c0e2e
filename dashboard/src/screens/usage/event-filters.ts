import { useMemo } from 'react'
import { useRead } from '../../api/hooks.ts'
import { DIMENSIONS, type Dimension, dimensionName, filterOf } from './measures.ts'

const HOUR_MS = 3_600_000

/** Spans of single events, in hours; the API looks at most 35 days back. */
export const EVENT_RANGES = [
  ['1h', 'Last hour'],
  ['24h', 'Last 24 hours'],
  ['7d', 'Last 7 days'],
  ['35d', 'Last 35 days'],
] as const

const HOURS: Readonly<Record<string, number>> = { '1h': 1, '24h': 24, '7d': 7 * 24, '35d': 35 * 24 }

/** The beginning is a whole minute, so that it stays the same while somebody looks. */
function beginning(range: string): string {
  const hours = HOURS[range] ?? 24
  const minute = Math.ceil(Date.now() / 60_000) * 60_000
  return new Date(minute - hours * HOUR_MS).toISOString()
}

export const useBeginning = (range: string): string => useMemo(() => beginning(range), [range])

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
  const from = useBeginning('35d')
  const { data } = useRead('GET /usage/breakdown', { query: { from, by: 'key', limit: 100 } })
  const names = new Map(data?.data.map(({ value, name }) => [value, name]))
  return (id) => names.get(id) ?? undefined
}
