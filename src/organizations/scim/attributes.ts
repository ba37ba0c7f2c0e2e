/** Which attributes of a resource are kept, and what a request says of them. Names are compared without case (RFC 7643 §2.1). */
import { badRequest } from './error.ts'

type Json = Readonly<Record<string, unknown>>

/** An attribute: a value, a value of several parts, or a list of those. */
export interface Attribute {
  /** As it is written in answers. */
  readonly name: string
  readonly isList?: boolean
  /** Parts that are kept. */
  readonly parts?: readonly string[]
  readonly isRequired?: boolean
  readonly isReadOnly?: boolean
}

/** The attributes of a kind of resource. What is not among them is left out of what a request says (RFC 7644 §3.3). */
export type Attributes = readonly Attribute[]

export const findAttribute = (attributes: Attributes, name: string): Attribute | undefined =>
  attributes.find((one) => one.name.toLowerCase() === name.toLowerCase())

/** The known attributes of a resource, in their own spelling. Null says the same as nothing (RFC 7643 §2.5). */
export function pickKnown(resource: Json, attributes: Attributes): Record<string, unknown> {
  const known = Object.entries(resource).flatMap(([name, value]) => {
    const attribute = findAttribute(attributes, name)
    return attribute && value !== null ? [[attribute.name, pickParts(value, attribute)]] : []
  })
  return Object.fromEntries(known)
}

/** The known parts of a value, or of each value of a list. */
export function pickParts(value: unknown, { parts, isList }: Attribute): unknown {
  if (!parts) return value
  if (isList && Array.isArray(value)) return value.map((one) => pickPartsOf(one, parts))
  return pickPartsOf(value, parts)
}

function pickPartsOf(value: unknown, parts: readonly string[]): unknown {
  if (!isObject(value)) return value
  const kept = Object.entries(value).flatMap(([name, part]) => {
    const known = parts.find((one) => one.toLowerCase() === name.toLowerCase())
    return known && part !== null ? [[known, part]] : []
  })
  return Object.fromEntries(kept)
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws ScimError `invalidSyntax` for a body that is no object, or does not name its schema */
export function requireSchema(body: unknown, schema: string): Json {
  if (!isObject(body)) throw badRequest('invalidSyntax', 'The body must be an object.')
  const { schemas } = body
  const isNamed =
    Array.isArray(schemas) &&
    schemas.some((one) => typeof one === 'string' && one.toLowerCase() === schema.toLowerCase())
  if (!isNamed) throw badRequest('invalidSyntax', `schemas must have ${schema}.`)
  return body
}
