/** Reads the JSON Schemas of the document: the name of a type, and the fields of a body. */
import type { OpenApiDocument } from '../openapi.ts'

type Schemas = NonNullable<NonNullable<OpenApiDocument['components']>['schemas']>
export type AnySchema = Schemas[string]
type Schema = Exclude<AnySchema, { $ref: string }>

/** A schema with its references and unions resolved. */
export interface Shape {
  readonly schema: Schema
  /** The component's name, if it has one. */
  readonly name: string | undefined
  /** Without `null`; several for a union, none if anything is allowed. */
  readonly types: readonly string[]
  readonly isNullable: boolean
  /** The members of a union; empty if it is not one. */
  readonly alternatives: readonly Shape[]
}

const REFERENCE = '#/components/schemas/'

/** A union of objects has the properties of all members, and requires only what all of them require. */
export function resolveShape(document: OpenApiDocument, given: AnySchema): Shape {
  const name = given.$ref?.startsWith(REFERENCE) ? given.$ref.slice(REFERENCE.length) : undefined
  const found = name === undefined ? (given as Schema) : document.components?.schemas?.[name]
  if (name !== undefined) return { ...resolveShape(document, found ?? {}), name }
  return shapeOfInline(document, given as Schema)
}

function shapeOfInline(document: OpenApiDocument, given: Schema): Shape {
  const { allOf = [], anyOf = [], oneOf = [] } = given
  const all = allOf.map((part) => resolveShape(document, part).schema)
  const any = [...anyOf, ...oneOf].map((part) => resolveShape(document, part))
  const alternatives = any.filter((shape) => shape.types.length > 0 || !shape.isNullable)
  const only = alternatives.length === 1 ? alternatives[0] : undefined
  const schema = Object.assign({}, only?.schema, ...all, given, mergedObject([...all, given], alternatives)) as Schema
  const types = [schema.type ?? alternatives.flatMap((shape) => shape.types)].flat()
  return {
    schema,
    name: only?.name,
    types: [...new Set(types.filter((type) => type !== 'null'))],
    isNullable: types.includes('null') || any.some((shape) => shape.isNullable),
    alternatives: only ? [] : alternatives,
  }
}

function mergedObject(all: readonly Schema[], alternatives: readonly Shape[]): Schema {
  const union = alternatives.map((shape) => shape.schema)
  const [first = [], ...rest] = union.map((schema) => schema.required ?? [])
  const inEach = first.filter((name) => rest.every((names) => names.includes(name)))
  const properties: Schemas = Object.assign({}, ...[...all, ...union].map((schema) => schema.properties))
  const required = [...new Set([...all.flatMap((schema) => schema.required ?? []), ...inEach])]
  return Object.keys(properties).length > 0 ? { properties, required } : {}
}

/** The type in words: `string (uuid) or null`, `array of ApiKey`. */
export function typeName(document: OpenApiDocument, shape: Shape): string {
  const name = shape.name ?? (unionName(document, shape) || plainName(document, shape))
  return shape.isNullable ? `${name} or null` : name
}

function unionName(document: OpenApiDocument, shape: Shape): string {
  return [...new Set(shape.alternatives.map((one) => typeName(document, one)))].join(' or ')
}

function plainName(document: OpenApiDocument, { schema, types }: Shape): string {
  if (types.includes('array') && schema.items)
    return `array of ${typeName(document, resolveShape(document, schema.items))}`
  if (isMap(schema)) return `map of ${typeName(document, resolveShape(document, schema.additionalProperties))}`
  const name = types.join(' or ') || 'any'
  return schema.format && name === 'string' ? `string (${schema.format})` : name
}

/** An object with arbitrary names, whose values are described once. */
function isMap(schema: Schema): schema is Schema & { additionalProperties: AnySchema } {
  return typeof schema.additionalProperties === 'object' && schema.properties === undefined
}

/** The object inside a schema, and the path to it: `[]` for a list, `.*` for a map. */
export function objectWithin(document: OpenApiDocument, given: AnySchema, steps = ''): [Shape, string] | undefined {
  const shape = resolveShape(document, given)
  const { schema } = shape
  if (schema.properties) return [shape, steps]
  if (steps.length > 8) return undefined
  if (schema.items) return objectWithin(document, schema.items, `${steps}[]`)
  if (isMap(schema)) return objectWithin(document, schema.additionalProperties, `${steps}.*`)
  return undefined
}
