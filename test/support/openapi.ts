import { call } from './http.ts'

export interface Schema {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly default?: unknown
  readonly $ref?: string
}

export interface Operation {
  /** `POST /api/v1/auth/login`, with `{id}` where a parameter goes. */
  readonly line: string
  readonly allow: string
  readonly security: readonly Record<string, unknown>[] | undefined
  readonly parameters: readonly { name: string; in: string; required?: boolean; schema: Schema }[]
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
        body: raw.requestBody?.content?.['application/json']?.schema,
        responses: raw.responses,
        raw,
      })
    }
  }
  return { document, operations }
}

/** The JSON types a schema takes. */
export const typesOf = ({ type }: Schema): readonly string[] => (typeof type === 'string' ? [type] : (type ?? []))

/**
 * Where a value departs from a schema of the document, as paths: types, required and undeclared members, enumerations.
 * Only what our document uses; an undeclared member counts, since the document is the whole contract.
 */
export function departures(value: unknown, schema: Schema, document: any, path = '$'): string[] {
  if (schema.$ref)
    return departures(value, document.components.schemas[schema.$ref.split('/').at(-1) ?? ''], document, path)
  const types = typesOf(schema)
  if (!isOneOf(value, types)) return [`${path} is no ${types.join(' or ')}`]
  if (schema.enum && !schema.enum.includes(value)) return [`${path} is none of ${schema.enum.join(', ')}`]
  if (Array.isArray(value))
    return value.flatMap((item, at) => departures(item, schema.items ?? {}, document, `${path}.${at}`))
  return isOf(value, 'object') ? inMembers(value as object, schema, document, path) : []
}

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
