/** The dimensions of usage, and the text that represents each in a roll-up row; empty if the event has none. */
export const DIMENSIONS = {
  endpoint: 'endpoint',
  key: `coalesce(nullif(key_id::text, '00000000-0000-0000-0000-000000000000'), '')`,
  model: 'model',
  provider: 'provider',
  route: 'route',
  status: `coalesce(nullif(status_code, 0)::text, '')`,
  environment: 'environment',
} as const

/** The same as a column with its type, for queries that use the indexes. */
export const COLUMNS = {
  endpoint: ['endpoint', 'text'],
  key: ['key_id', 'uuid'],
  model: ['model', 'text'],
  provider: ['provider', 'text'],
  route: ['route', 'text'],
  status: ['status_code', 'smallint'],
  environment: ['environment', 'text'],
} as const

export type Dimension = keyof typeof DIMENSIONS

export const DIMENSION_NAMES = Object.keys(DIMENSIONS) as [Dimension, ...Dimension[]]
