import { call } from './http.ts'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly const?: unknown
  readonly default?: unknown
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly $ref?: string
}

export interface Operation {
  /** `POST /api/v1/auth/login`, with `{id}` where a parameter goes. */
  readonly line: string
  readonly allow: string
  readonly security: readonly Record<string, unknown>[] | undefined
  readonly parameters: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
  /** Of the JSON body; its component where the document refers to one. */
  readonly body: Schema | undefined
  readonly responses: Readonly<Record<string, { description: string; content?: Record<string, { schema: Schema }> }>>
  // biome-ignore lint/suspicious/noExplicitAny: the document as it is
  readonly raw: any
}

/** The published document, and its operations as a flat list. */
export async function openApi() {
  const { body: document } = await call('GET /openapi.json')
  const operations: Operation[] = []
  for (const [path, item] of Object.entries<Record<string, any>>(document.paths)) {
    for (const [method, raw] of Object.entries(item)) {
      operations.push({
        line: `${method.toUpperCase()} ${path}`,
        allow: raw['x-allow'] ?? 'anyone',
        security: raw.security,
        parameters: raw.parameters ?? [],
        body: lookUp(raw.requestBody?.content?.['application/json']?.schema, document),
        responses: raw.responses,
        raw,
      })
    }
  }
  return { document, operations }
}

const lookUp = (schema: Schema | undefined, document: any): Schema | undefined =>
  schema?.$ref ? document.components.schemas[schema.$ref.split('/').at(-1) ?? ''] : schema

/** The JSON types a schema takes. */
export const typesOf = ({ type }: Schema): readonly string[] => (typeof type === 'string' ? [type] : (type ?? []))

/**
 * Where a value departs from a schema of the document, as paths: types, bounds, patterns, formats, unions, required and
 * undeclared members. Only what our document uses; an undeclared member counts, since the document is the whole contract.
 */
export function departures(value: unknown, schema: Schema, document: any, path = '$'): string[] {
  if (schema.$ref) return departures(value, lookUp(schema, document) ?? {}, document, path)
  const options = schema.anyOf ?? schema.oneOf
  if (options) return closest(options.map((one) => departures(value, one, document, path)))
  const types = typesOf(schema)
  if (!isOneOf(value, types)) return [`${path} is no ${types.join(' or ')}`]
  const bounds = BOUNDS.filter(([, isKept]) => !isKept(value, schema)).map(([name]) => `${path} departs from ${name}`)
  if (bounds.length > 0) return bounds
  return within(value, schema, document, path)
}

function within(value: unknown, schema: Schema, document: any, path: string): string[] {
  if (Array.isArray(value))
    return value.flatMap((item, at) => departures(item, schema.items ?? {}, document, `${path}.${at}`))
  return isOf(value, 'object') ? inMembers(value as object, schema, document, path) : []
}

/** The departures from the best matching option. */
const closest = (all: readonly string[][]) => all.toSorted((one, other) => one.length - other.length)[0] ?? []

const FORMATS: Readonly<Record<string, RegExp>> = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  date: /^\d{4}-\d\d-\d\d$/,
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
  email: /^[^@\s]+@[^@\s]+$/,
  uri: /^[a-z]+:\S+$/,
}

type Bound = readonly [name: string, isKept: (value: unknown, schema: Schema) => boolean]

/** Each looks only at values of its own type (JSON Schema 2020-12, validation §6). */
const BOUNDS: readonly Bound[] = [
  ['enum', (value, schema) => schema.enum?.includes(value) ?? true],
  ['const', (value, schema) => schema.const === undefined || schema.const === value],
  ['pattern', (value, { pattern }) => !pattern || typeof value !== 'string' || new RegExp(pattern, 'u').test(value)],
  ['format', (value, { format }) => typeof value !== 'string' || (FORMATS[format ?? '']?.test(value) ?? true)],
  ['minLength', (value, { minLength = 0 }) => typeof value !== 'string' || value.length >= minLength],
  ['maxLength', (value, { maxLength = Infinity }) => typeof value !== 'string' || value.length <= maxLength],
  ['minimum', (value, { minimum = -Infinity }) => typeof value !== 'number' || value >= minimum],
  ['maximum', (value, { maximum = Infinity }) => typeof value !== 'number' || value <= maximum],
  ['minItems', (value, { minItems = 0 }) => !Array.isArray(value) || value.length >= minItems],
  ['maxItems', (value, { maxItems = Infinity }) => !Array.isArray(value) || value.length <= maxItems],
]

function inMembers(value: object, schema: Schema, document: any, path: string): string[] {
  const missing = (schema.required ?? []).filter((name) => !(name in value)).map((name) => `${path}.${name} is missing`)
  const members = Object.entries(value).flatMap(([name, member]) => {
    const known = schema.properties?.[name] ?? schema.additionalProperties
    if (known === undefined || known === false) return schema.type ? [`${path}.${name} is not declared`] : []
    return known === true ? [] : departures(member, known, document, `${path}.${name}`)
  })
  return [...missing, ...members]
}

const isOneOf = (value: unknown, types: readonly string[]) =>
  types.length === 0 || types.some((type) => isOf(value, type))

function isOf(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}
