/** Example values for schemas: what a request may look like, and what comes back. */
import type { OpenApiDocument } from '../openapi.ts'
import { type AnySchema, resolveShape, type Shape } from './schema.ts'

/** Whether the example is sent, with what must be there and secrets as shell variables, or received, with everything. */
type Direction = 'sent' | 'received'

const UUID = '0198c5a2-7b1e-7c3d-9f4a-2e6b8d0c1a35'
const PASSPHRASE = 'correct horse battery staple'
const DEEPEST = 6

/** Values that read better than what their type alone suggests. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  name: 'Production',
  slug: 'analytical-engines',
  confirm_name: 'Production',
  organization_name: 'Analytical Engines',
  email: 'ada@example.com',
  password: PASSPHRASE,
  current_password: PASSPHRASE,
  new_password: 'seven purple lanterns at noon',
  organization: 'Analytical Engines',
  description: 'Calls from the web shop',
  key_prefix: 'ck',
  key_hint: 'ck_live_8Qf3…x9Kd',
  prefix: 'ck',
  hash: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
  hint: 'sk_4e…7dc',
  grace_period_seconds: 86_400,
  rotated_from: null,
  replaced_by: null,
  leaked_at: null,
  imported: 1,
  duplicates: 0,
  index: 0,
  scopes: ['reports:read'],
  allowed_ips: ['203.0.113.0/24'],
  endpoint: '/v1/answers',
  route: '/v1/answers',
  model: 'large-1',
  provider: 'example',
  method: 'POST',
  ip: '203.0.113.7',
  period: '2026-11',
  interval: 'day',
  tz: 'UTC',
  plan: 'free',
  subscription_tier: 'free',
  code: '123456',
  requests: 250,
  api_calls: 250,
  queries: 40,
  tokens: 18_000,
  input_tokens: 15_000,
  output_tokens: 3_000,
  cost_usd: '4.200000',
  errors: 0,
  avg_response_time_ms: 84.2,
  limit: 1_000,
  used: 250,
  held: 0,
  remaining: 750,
  percent: 25,
  overage: 0,
  reset: 1_793_698_260_000,
  resets_at: '2026-12-01T00:00:00.000Z',
  rate_limit_per_minute: 60,
  status_code: 200,
  expires_in: 1800,
  revoked_at: null,
  next_cursor: null,
  is_administrator: false,
  two_factor_enabled: false,
}

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: UUID,
  email: 'ada@example.com',
  date: '2026-11-03',
  'date-time': '2026-11-03T09:30:00.000Z',
  uri: 'https://example.com/',
}

const BY_TYPE: Readonly<Record<string, unknown>> = { string: '…', integer: 10, number: 10, boolean: true, null: null }

/** A name that a map holds, by the name of the map. */
const MAP_KEYS: Readonly<Record<string, string>> = { quotas: 'api_calls' }

const SECRET = /(^|_)(token|key|secret)$/
const NO_SECRET = /idempotency|^next_|^by_/

/** @param name of the field that holds the value, as far as it has one */
export function buildExample(document: OpenApiDocument, schema: AnySchema, direction: Direction, name = ''): unknown {
  return buildValue(schema, name, 0)

  function buildValue(given: AnySchema, field: string, depth: number): unknown {
    const shape = resolveShape(document, given)
    const one = shape.alternatives[0] ?? shape
    const stated = statedExample(one)
    if (stated !== undefined) return stated
    if (one.types.includes('object')) return depth > DEEPEST ? {} : buildObject(one, field, depth)
    const named = BY_NAME[field]
    if (one.types.includes('array') && !Array.isArray(named))
      return one.schema.items && depth <= DEEPEST ? [buildValue(one.schema.items, '', depth + 1)] : []
    const example = namedExample(one, field, direction)
    return example === undefined ? inBounds(one) : example
  }

  function buildObject({ schema }: Shape, field: string, depth: number): unknown {
    const all = Object.entries(schema.properties ?? {})
    const required = all.filter(([key]) => schema.required?.includes(key))
    const chosen = direction === 'received' ? all : required.length > 0 ? required : all.slice(0, 2)
    if (all.length === 0 && typeof schema.additionalProperties === 'object')
      return buildMap(schema.additionalProperties)
    return Object.fromEntries(chosen.map(([key, value]) => [key, buildValue(value, key, depth + 1)]))

    function buildMap(values: AnySchema) {
      const held = resolveShape(document, values)
      if (held.types.length === 0) return {}
      return { [MAP_KEYS[field] ?? 'example']: buildValue(values, '', depth + 1) }
    }
  }
}

/** What the schema itself gives as an example; an empty default shows nothing. */
function statedExample({ schema }: Shape): unknown {
  const { default: preset, const: fixed, enum: values } = schema
  const isTelling = preset !== null && JSON.stringify(preset)?.length > 2
  return schema.examples?.[0] ?? schema.example ?? fixed ?? (isTelling ? preset : undefined) ?? values?.[0]
}

function namedExample({ types, isNullable }: Shape, field: string, direction: Direction): unknown {
  // Keys and organizations have names; a person may have none.
  const named = field === 'name' && isNullable ? 'Ada Lovelace' : BY_NAME[field]
  if (named === null && isNullable) return null
  if (types.includes('string') && SECRET.test(field) && !NO_SECRET.test(field))
    return direction === 'sent' ? `$${field.toUpperCase()}` : secret(field)
  if (named === undefined) return undefined
  return [named, JSON.stringify(named)].find((value) => types.includes(nameType(value)) || types.includes(typeof value))
}

function nameType(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return Number.isInteger(value) ? 'integer' : typeof value
}

function secret(field: string): string {
  return field === 'key' ? 'ck_live_8Qf3…' : 'eyJhbGciOi…'
}

function inBounds({ schema, types }: Shape): unknown {
  const [type = 'string'] = types
  const value = BY_FORMAT[schema.format ?? ''] ?? BY_TYPE[type]
  if (typeof value !== 'number') return value
  return Math.min(Math.max(value, schema.minimum ?? value), schema.maximum ?? value)
}
