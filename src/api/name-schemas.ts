import { METHODS } from './methods.ts'
/**
 * Gives every object of the document a name, so that generated clients have no anonymous types. A schema with an `id` keeps
 * it; any other is named by its position: `CreatePlanRequest`, `ListPlansResponse`, `AuditLogActor`.
 */
import type { OpenApiDocument } from './openapi.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly properties?: Schemas
  readonly items?: Schema
  readonly additionalProperties?: Schema | boolean
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
}
type Schemas = Readonly<Record<string, Schema>>

/** The names given so far. */
interface Named {
  readonly components: Record<string, Schema>
  /** Names by schemas as JSON: equal shapes share one component. */
  readonly byShape: Map<string, string>
}

type Media = Readonly<Record<string, { schema?: Schema }>>

/** Changes the document in place: nothing else holds it yet. */
export function nameSchemas(document: OpenApiDocument): void {
  const given = (document.components?.schemas ?? {}) as Schemas
  const named: Named = { components: { ...given }, byShape: new Map() } // ids are taken before names are chosen
  for (const [name, schema] of Object.entries(given)) keep(nameWithin(schema, name, named), name, named)
  for (const item of Object.values(document.paths ?? {}))
    for (const operation of METHODS.map((method) => item[method]).filter((one) => one !== undefined))
      nameBodies(operation, named)
  document.components = { ...document.components, schemas: named.components as never }
}

type Operation = NonNullable<NonNullable<OpenApiDocument['paths']>[string]['get']>

function nameBodies(operation: Operation, named: Named): void {
  const name = toPascal(operation.operationId ?? '')
  const { requestBody, responses = {} } = operation as unknown as {
    requestBody?: { content: Media }
    responses?: Readonly<Record<string, { content?: Media }>>
  }
  nameMedia(requestBody?.content, `${name}Request`, named)
  for (const { content } of Object.values(responses)) nameMedia(content, `${name}Response`, named)
}

/** A whole body gets a name even if it is not an object, such as a union. */
function nameMedia(content: Media | undefined, name: string, named: Named): void {
  const media = content?.['application/json']
  if (!media?.schema || media.schema.$ref) return
  media.schema = toComponent(nameWithin(media.schema, name, named), name, named)
}

/** Names all objects below the schema. */
function nameWithin(schema: Schema, name: string, named: Named): Schema {
  const { properties, items, additionalProperties } = schema
  const place = (inner: Schema, as: string) => nameInline(inner, as, named)
  return {
    ...schema,
    ...(properties && { properties: mapValues(properties, (one, field) => place(one, name + toPascal(field))) }),
    ...(items && { items: place(items, toSingular(name)) }),
    ...(typeof additionalProperties === 'object' && {
      additionalProperties: place(additionalProperties, toSingular(name)),
    }),
    ...nameOptions(schema, name, place),
  }
}

function nameOptions(schema: Schema, name: string, place: (inner: Schema, as: string) => Schema) {
  const kinds = (['anyOf', 'oneOf', 'allOf'] as const).filter((kind) => schema[kind])
  return Object.fromEntries(
    kinds.map((kind) => {
      const options = schema[kind] ?? []
      const isOnly = options.filter(({ type }) => type !== 'null').length === 1
      return [kind, options.map((one, at) => place(one, isOnly ? name : name + labelOption(one, at)))]
    }),
  )
}

function nameInline(schema: Schema, name: string, named: Named): Schema {
  if (schema.$ref) return schema
  const inner = nameWithin(schema, name, named)
  return inner.properties ? toComponent(inner, name, named) : inner
}

function toComponent(schema: Schema, name: string, named: Named): Schema {
  const isNullable = Array.isArray(schema.type) && schema.type.includes('null')
  const types = [schema.type ?? []].flat().filter((type) => type !== 'null')
  const bare = isNullable ? { ...schema, type: types.length === 1 ? (types[0] as string) : types } : schema
  const alike = named.byShape.get(JSON.stringify(bare))
  const reference = { $ref: `#/components/schemas/${alike ?? keep(bare, chooseFree(name, named), named)}` }
  return isNullable ? { anyOf: [reference, { type: 'null' }] } : reference
}

const chooseFree = (name: string, { components }: Named) => (Object.hasOwn(components, name) ? `${name}Object` : name)

function keep(schema: Schema, name: string, { components, byShape }: Named): string {
  components[name] = schema
  byShape.set(JSON.stringify(schema), name)
  return name
}

/** What distinguishes an option of a union: its first field that has only one possible value. */
function labelOption({ properties = {} }: Schema, at: number): string {
  for (const [field, { const: fixed, enum: values = [] }] of Object.entries(properties)) {
    const value = fixed ?? (values.length === 1 ? values[0] : undefined)
    if (typeof value === 'boolean') return `${value ? '' : 'Not'}${toPascal(field)}`
    if (typeof value === 'string') return toPascal(value)
  }
  return `Option${at + 1}`
}

/** The name for an element of the list or map with this name. */
const toSingular = (name: string) => (name.endsWith('s') ? name.slice(0, -1) : `${name}Item`)

const toPascal = (text: string) => text.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_, first) => first.toUpperCase())

const mapValues = (all: Schemas, change: (one: Schema, name: string) => Schema): Schemas =>
  Object.fromEntries(Object.entries(all).map(([name, one]) => [name, change(one, name)]))
