import { METHODS } from '../api/methods.ts'
/** The API's operations as tools for agents: a name, a description, and flat arguments. All of it is derived from the OpenAPI document. */
import type { OpenApiDocument } from '../api/openapi.ts'
import type { Access } from '../auth/guard.ts'
import type { PlatformScope } from '../auth/service-scopes.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** One argument, and which part of the request carries it. */
export interface Argument {
  readonly in: 'path' | 'query' | 'header' | 'body'
  /** Its name in that part. */
  readonly name: string
  readonly isRequired: boolean
  readonly schema: JsonSchema
}

export interface Operation {
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  readonly summary: string
  readonly description: string | undefined
  readonly allow: Access
  /** The scope with which a service key may call it. */
  readonly service: PlatformScope | undefined
  readonly args: ReadonlyMap<string, Argument>
}

/** The fields of an operation in the document that are read here. */
interface Described {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly 'x-allow': Access
  readonly 'x-service-scope'?: PlatformScope
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> }
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

/** All operations, by `operationId`. */
export function readOperations(document: OpenApiDocument): ReadonlyMap<string, Operation> {
  const found = new Map<string, Operation>()
  for (const [path, item] of Object.entries(document.paths ?? {}))
    for (const method of METHODS) {
      const described = item[method] as unknown as Described | undefined
      if (described) found.set(described.operationId, toOperation(document, { method, path }, described))
    }
  return found
}

function toOperation(
  document: OpenApiDocument,
  { method, path }: Pick<Operation, 'method' | 'path'>,
  described: Described,
): Operation {
  const { summary, description } = described
  return {
    method: method.toUpperCase(),
    path,
    summary,
    description,
    allow: described['x-allow'],
    service: described['x-service-scope'],
    args: new Map([...fromParameters(document, described), ...fromBody(document, described)]),
  }
}

/** A header such as `Idempotency-Key` becomes the argument `idempotency_key`. */
const fromParameters = (document: OpenApiDocument, { parameters = [] }: Described) =>
  parameters.map(({ name, in: where, required = false, description, schema }): [string, Argument] => [
    name.toLowerCase().replaceAll('-', '_'),
    {
      in: where,
      name,
      isRequired: required,
      schema: inline(document, { ...schema, ...(description && { description }) }),
    },
  ])

function fromBody(document: OpenApiDocument, { requestBody }: Described): [string, Argument][] {
  const schema = inline(document, requestBody?.content['application/json']?.schema ?? {})
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>).map(([name, property]) => [
    name,
    { in: 'body', name, isRequired: required.includes(name), schema: property },
  ])
}

/** A longer description explains each of many values, whose names are listed anyway. */
const MAX_DESCRIPTION = 500

/** Fields that a model does not need, and would cost tokens. */
const isSpare = (name: string, value: unknown) =>
  name === 'example' || name === 'examples' || (name === 'description' && String(value).length > MAX_DESCRIPTION)

/** Inlines the named schemas that a schema refers to, because nothing else of the document is sent. */
function inline(document: OpenApiDocument, schema: JsonSchema): JsonSchema {
  if (typeof schema.$ref === 'string') return inline(document, findNamed(document, schema.$ref))
  return Object.fromEntries(
    Object.entries(schema).flatMap(([name, value]) =>
      isSpare(name, value) ? [] : [[name, inlineValue(document, value)]],
    ),
  )
}

function inlineValue(document: OpenApiDocument, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => inlineValue(document, one))
  return typeof value === 'object' && value !== null ? inline(document, value as JsonSchema) : value
}

function findNamed(document: OpenApiDocument, reference: string): JsonSchema {
  const name = reference.slice(reference.lastIndexOf('/') + 1)
  return (document.components?.schemas?.[name] ?? {}) as JsonSchema
}
