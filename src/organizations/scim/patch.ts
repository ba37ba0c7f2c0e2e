/**
 * Applies a PATCH (RFC 7644 §3.5.2). The operations are applied in order to the resource as a response would show it; the result
 * is validated and stored like a replacement.
 *
 * Two things that directories send but the RFC does not define are supported: `remove` of list elements by their `value`, and
 * `add` to an element that does not exist yet and that the filter describes.
 */
import {
  type Attribute,
  type Attributes,
  findAttribute,
  isObject,
  pickParts,
  readMembers,
  requireSchema,
  unknownName,
} from './attributes.ts'
import { badRequest } from './error.ts'
import { type Filter, matches, namesIn, type Path, parsePath } from './filter.ts'
import { isStandard, isStandardPart } from './standard.ts'

export const PATCH_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'
const MAX_OPERATIONS = 1_000
/** How many list elements a patch may visit: each operation visits all of them. Takes a fraction of a second. */
const MAX_LOOKED_AT = 2_000_000

type Resource = Record<string, unknown>
type Element = Record<string, unknown>

interface Operation {
  readonly op: 'add' | 'remove' | 'replace'
  readonly path: string | undefined
  readonly value: unknown
}

/** @throws ScimError `tooMany`, `invalidSyntax`, `invalidPath`, `invalidValue`, `mutability`, `noTarget` */
export function applyPatch(resource: Readonly<Resource>, body: unknown, attributes: Attributes): Resource {
  const changed: Resource = structuredClone(resource)
  let lookedAt = 0
  for (const operation of readOperations(body)) {
    lookedAt += countElements(changed)
    if (lookedAt > MAX_LOOKED_AT)
      throw badRequest('tooMany', 'The lists are too long for so many operations. Send fewer.')
    apply(changed, operation, attributes)
  }
  return changed
}

const countElements = (resource: Resource) =>
  Object.values(resource).reduce<number>((sum, value) => sum + (Array.isArray(value) ? value.length : 0), 0)

function readOperations(body: unknown): Operation[] {
  const { Operations: operations } = readMembers(requireSchema(body, PATCH_SCHEMA), ['schemas', 'Operations'])
  if (!Array.isArray(operations) || operations.length === 0 || operations.length > MAX_OPERATIONS)
    throw badRequest('invalidSyntax', `Operations must be a list of 1 to ${MAX_OPERATIONS} operations.`)
  return operations.map(readOperation)
}

function readOperation(operation: unknown, at: number): Operation {
  // some directories add a name, which says nothing
  const { op, path, value } = isObject(operation) ? readMembers(operation, ['op', 'path', 'value', 'name']) : {}
  const name = readOp(op, at)
  if (path !== undefined && typeof path !== 'string')
    throw badRequest('invalidPath', `Operations[${at}].path must be a string.`)
  if (name === 'remove' && path === undefined)
    throw badRequest('noTarget', `Operations[${at}].path is required to remove something.`)
  if (name !== 'remove' && value === undefined) throw badRequest('invalidValue', `Operations[${at}].value is required.`)
  return { op: name, path, value }
}

function readOp(op: unknown, at: number): Operation['op'] {
  const name = typeof op === 'string' ? op.toLowerCase() : undefined
  if (name === 'add' || name === 'remove' || name === 'replace') return name
  throw badRequest('invalidSyntax', `Operations[${at}].op must be add, remove or replace.`)
}

function apply(resource: Resource, { op, path, value }: Operation, attributes: Attributes): void {
  if (path !== undefined) return applyAt(resource, { op, path, value }, attributes)
  if (!isObject(value)) throw badRequest('invalidValue', 'The value must be an object where there is no path.')
  for (const [name, one] of Object.entries(value)) {
    const attribute = findAttribute(attributes, parsePath(name).attribute)
    // directories include read-only attributes: ignore them
    if (!attribute?.isReadOnly) applyAt(resource, { op, path: name, value: one }, attributes)
  }
}

type Addressed = Operation & { readonly path: string }

function applyAt(resource: Resource, { op, path: text, value }: Addressed, attributes: Attributes): void {
  const path = parsePath(text)
  const attribute = findAttribute(attributes, path.attribute)
  if (!attribute && isStandard(path.attribute)) return // not stored
  if (!attribute)
    throw unknownName(
      path.attribute,
      attributes.map((one) => one.name),
      'invalidPath',
    )
  if (attribute.isReadOnly) throw badRequest('mutability', `${attribute.name} cannot be changed.`)
  const part = findPart(attribute, path)
  requireKnownParts(path, attribute)
  if (path.sub !== undefined && part === undefined) return // not stored
  if (op === 'remove' || value === null) remove(resource, { attribute, part, filter: path.filter, value })
  else if (attribute.isList) setInList(resource, { op, attribute, part, filter: path.filter, value })
  else setValue(resource, { attribute, part, filter: path.filter, value })
}

/** @throws ScimError `invalidPath` if the path or its filter names a part that does not exist */
function requireKnownParts({ sub, filter }: Path, { parts = [] }: Attribute): void {
  for (const name of [...(sub === undefined ? [] : [sub]), ...(filter ? namesIn(filter) : [])]) {
    const isKnown = parts.some((one) => one.toLowerCase() === name) || isStandardPart(name)
    if (!isKnown) throw unknownName(name, parts, 'invalidPath')
  }
}

const findPart = ({ parts }: Attribute, { sub }: Path) => parts?.find((one) => one.toLowerCase() === sub)

interface Target {
  readonly attribute: Attribute
  /** A part of the value, or of each element of the list. */
  readonly part: string | undefined
  readonly filter: Filter | undefined
  readonly value: unknown
}

function setValue(resource: Resource, { attribute, part, filter, value }: Target): void {
  const { name, parts } = attribute
  if (filter) throw badRequest('invalidPath', `${name} is no list.`)
  if (part !== undefined) resource[name] = { ...toObject(resource[name]), [part]: value }
  else if (parts && isObject(value))
    resource[name] = { ...toObject(resource[name]), ...toObject(pickParts(value, attribute)) }
  else resource[name] = value
}

const toObject = (value: unknown): Element => (isObject(value) ? value : {})

function setInList(resource: Resource, target: Target & { readonly op: 'add' | 'replace' }): void {
  const { attribute, part, filter, value, op } = target
  const before = listElements(resource, attribute)
  if (part === undefined && !filter) {
    resource[attribute.name] = merge(op === 'add' ? before : [], [pickParts(value, attribute)].flat() as Element[])
    return
  }
  const found = before.filter((one) => !filter || matches(filter, one))
  if (found.length === 0) {
    if (op === 'replace' || !filter)
      throw badRequest('noTarget', `No element of ${attribute.name} is what the path says.`)
    found.push({ ...describe(filter, attribute) })
  }
  const change = part === undefined ? toObject(pickParts(value, attribute)) : { [part]: value }
  const chosen = new Set(found)
  const others = before.filter((one) => !chosen.has(one))
  for (const one of found) Object.assign(one, change)
  resource[attribute.name] = merge(others, found)
}

/** Adds elements, replacing those with the same `value`. The last one that is primary is the only one (RFC 7644 §3.5.2). */
function merge(before: readonly Element[], added: readonly Element[]): Element[] {
  const values = new Set(added.map(({ value }) => value))
  const all = [...before.filter(({ value }) => value === undefined || !values.has(value)), ...added]
  const primary = added.findLast((one) => one.primary === true)
  for (const one of all) if (primary && one !== primary && one.primary === true) one.primary = false
  return all
}

function listElements(resource: Resource, { name }: Attribute): Element[] {
  const value = resource[name]
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** Builds an element that satisfies a filter, from the filter's `eq` comparisons. */
function describe(filter: Filter, attribute: Attribute): Element {
  if (filter.op === 'and') return { ...describe(filter.of[0], attribute), ...describe(filter.of[1], attribute) }
  if (filter.op !== 'eq') return {}
  const part = findPart(attribute, { attribute: attribute.name, sub: filter.path })
  return part === undefined ? {} : { [part]: filter.value }
}

function remove(resource: Resource, { attribute, part, filter, value }: Target): void {
  const { name, isList, isRequired } = attribute
  if (isRequired) throw badRequest('mutability', `${name} is required.`)
  if (!isList) return removeValue(resource, name, part)
  const before = listElements(resource, attribute)
  const gone = new Set(selectGone(before, filter, pickParts(value, attribute)))
  resource[name] =
    part === undefined
      ? before.filter((one) => !gone.has(one))
      : before.map((one) => (gone.has(one) ? without(one, part) : one))
}

function selectGone(before: readonly Element[], filter: Filter | undefined, value: unknown): readonly Element[] {
  if (filter) return before.filter((one) => matches(filter, one))
  if (value === undefined || value === null) return before
  const values = new Set([value].flat().map((one) => (isObject(one) ? one.value : one)))
  return before.filter((one) => values.has(one.value))
}

function removeValue(resource: Resource, name: string, part: string | undefined): void {
  if (part === undefined) delete resource[name]
  else resource[name] = without(toObject(resource[name]), part)
}

const without = (element: Element, part: string): Element =>
  Object.fromEntries(Object.entries(element).filter(([name]) => name !== part))
