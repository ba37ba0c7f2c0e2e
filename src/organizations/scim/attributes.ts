/** The attributes of a resource that are stored, and how to read them. Names are case-insensitive (RFC 7643 §2.1). */
import { findNearestName } from '../../lib/nearest-name.ts'
import { badRequest, type ScimError } from './error.ts'
import { isStandard, isStandardPart } from './standard.ts'

type Json = Readonly<Record<string, unknown>>

/** An attribute: a simple value, a value with several parts, or a list of either. */
export interface Attribute {
  /** The spelling in responses. */
  readonly name: string
  readonly isList?: boolean
  /** The parts that are stored. */
  readonly parts?: readonly string[]
  readonly isRequired?: boolean
  readonly isReadOnly?: boolean
}

/**
 * The attributes of a resource type. Other attributes of RFC 7643 in a request are ignored (RFC 7644 §3.3). An attribute that RFC 7643
 * does not have is a mistake: it would change nothing, where a directory believes, for instance, that somebody is gone.
 */
export type Attributes = readonly Attribute[]

export const findAttribute = (attributes: Attributes, name: string): Attribute | undefined =>
  attributes.find((one) => one.name.toLowerCase() === name.toLowerCase())

/**
 * Picks the known attributes of a resource, in their canonical spelling. Null is the same as absent (RFC 7643 §2.5).
 *
 * @throws ScimError `invalidSyntax` for an attribute, or a part of one, that does not exist
 */
export function pickKnown(resource: Json, attributes: Attributes): Record<string, unknown> {
  const known = Object.entries(resource).flatMap(([name, value]) => {
    const attribute = findAttribute(attributes, name)
    if (!attribute && !isStandard(name))
      throw unknownName(
        name,
        attributes.map((one) => one.name),
      )
    return attribute && value !== null ? [[attribute.name, pickParts(value, attribute)]] : []
  })
  return Object.fromEntries(known)
}

/** Picks the known parts of a value, or of each value of a list. */
export function pickParts(value: unknown, { parts, isList }: Attribute): unknown {
  if (!parts) return value
  if (isList && Array.isArray(value)) return value.map((one) => pickPartsFrom(one, parts))
  return pickPartsFrom(value, parts)
}

function pickPartsFrom(value: unknown, parts: readonly string[]): unknown {
  if (!isObject(value)) return value
  const kept = Object.entries(value).flatMap(([name, part]) => {
    const known = parts.find((one) => one.toLowerCase() === name.toLowerCase())
    if (!known && !isStandardPart(name)) throw unknownName(name, parts)
    return known && part !== null ? [[known, part]] : []
  })
  return Object.fromEntries(kept)
}

/** @param known what it may have meant */
export function unknownName(
  name: string,
  known: readonly string[],
  scimType: 'invalidSyntax' | 'invalidPath' = 'invalidSyntax',
): ScimError {
  const near = findNearestName(name, known)
  return badRequest(
    scimType,
    `There is no ${JSON.stringify(name.slice(0, 100))}${near ? `; did you mean ${near}?` : '.'}`,
  )
}

/** The members of a message by their names, which are compared without case (RFC 7643 §2.1). @throws ScimError `invalidSyntax` */
export function readMembers(message: Json, names: readonly string[]): Record<string, unknown> {
  const members = Object.entries(message).map(([given, value]) => {
    const name = names.find((one) => one.toLowerCase() === given.toLowerCase())
    if (name === undefined) throw unknownName(given, names)
    return [name, value] as const
  })
  return Object.fromEntries(members)
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @throws ScimError `invalidSyntax` if the body is not an object or does not name its schema */
export function requireSchema(body: unknown, schema: string): Json {
  if (!isObject(body)) throw badRequest('invalidSyntax', 'The body must be an object.')
  const [, schemas] = Object.entries(body).find(([name]) => name.toLowerCase() === 'schemas') ?? []
  const isNamed =
    Array.isArray(schemas) &&
    schemas.some((one) => typeof one === 'string' && one.toLowerCase() === schema.toLowerCase())
  if (!isNamed) throw badRequest('invalidSyntax', `schemas must have ${schema}.`)
  return body
}
