/** Example values for schemas: a possible request, and its answer. */
import type { OpenApiDocument } from '../openapi.ts'
import { BY_NAME, UUID } from './example-values.ts'
import { type AnySchema, resolveShape, type Shape } from './schema.ts'

/**
 * Whether the example is sent, with required fields and those that state an example, or received, with all fields. In a
 * command to copy (`sent`), secrets are shell variables; in an example to fill in (`typed`), they are values.
 */
export type Direction = 'sent' | 'typed' | 'received'

const DEEPEST = 6

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: UUID,
  email: 'ada@example.com',
  date: '2026-11-03',
  'date-time': '2026-11-03T09:30:00.000Z',
  uri: 'https://example.com/',
}

const BY_TYPE: Readonly<Record<string, unknown>> = { string: '…', integer: 10, number: 10, boolean: true, null: null }

/** A key for each map, by the name of the map. */
const MAP_KEYS: Readonly<Record<string, string>> = { features: 'max_evolution_phase' }

const SECRET = /(^|_)(token|key|secret)$/
const NO_SECRET = /idempotency|^next_|^by_/
const isSecret = (field: string) => SECRET.test(field) && !NO_SECRET.test(field)

/** @param name the field that holds the value, if any */
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
    const telling = all.filter(([key, value]) => schema.required?.includes(key) || hasExample(value))
    const chosen = direction === 'received' ? all : telling.length > 0 ? telling : all.slice(0, 2)
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

/** Whether an optional field states an example. */
const hasExample = (schema: AnySchema) => 'example' in schema

/** The example in the schema itself. An empty default shows nothing. */
function statedExample({ schema }: Shape): unknown {
  const { default: preset, const: fixed, enum: values } = schema
  const isTelling = preset !== null && JSON.stringify(preset)?.length > 2
  return schema.examples?.[0] ?? schema.example ?? fixed ?? (isTelling ? preset : undefined) ?? values?.[0]
}

function namedExample({ schema, types, isNullable }: Shape, field: string, direction: Direction): unknown {
  if (schema.format === 'uuid') return undefined
  // Keys and organizations have names; a person's may be null.
  const named = field === 'name' && isNullable ? 'Ada Lovelace' : BY_NAME[field]
  if (named === null && isNullable) return null
  if (types.includes('string') && isSecret(field))
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
