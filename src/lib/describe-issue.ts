/**
 * Says in plain words what is wrong with a value and what is allowed, in place of zod's own messages. Each text continues
 * the name of the field: `body.name: is required`. A schema's own message takes precedence.
 */
import * as z from 'zod'
import { findNearestName } from './nearest-name.ts'
import { describeUnknownKeys, quoteName } from './unknown-fields.ts'

type Issue = z.core.$ZodRawIssue

/** @returns undefined for issues that describe themselves: those of `refine` */
function describeIssue(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue)
    case 'invalid_value':
      return describeChoice(issue.values, issue.input)
    case 'too_small':
    case 'too_big':
      return describeSize(issue)
    case 'invalid_format':
      return describeFormat(issue)
    case 'unrecognized_keys':
      return describeUnknownKeys(issue)
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'invalid_key':
      return `is not a valid name: ${unique(issue.issues.map(({ message }) => message)).join('; ')}`
    case 'invalid_union':
      return describeUnion(issue)
    default:
      return undefined
  }
}

/** The JSON name of each of zod's types. */
const TYPES: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'an array',
  tuple: 'an array',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

function describeType({ expected, input }: Issue & { expected?: string }): string {
  if (expected === 'never' || expected === 'undefined') return 'must be left out'
  if (input === undefined) return 'is required'
  const given = nameType(input)
  const wanted = TYPES[expected ?? ''] ?? `a ${expected}`
  return expected === 'int' && typeof input === 'number' ? `must be ${wanted}` : `must be ${wanted}, not ${given}`
}

/** RPC calls can contain values that JSON does not have. */
function nameType(input: unknown): string {
  if (input === null) return 'null'
  if (typeof input === 'number' && !Number.isFinite(input)) return String(input)
  if (typeof input === 'boolean') return String(input)
  if (Array.isArray(input)) return 'an array'
  const type = typeof input
  return TYPES[type] ?? `a ${type}`
}

function describeChoice(values: readonly unknown[], input: unknown): string {
  const names = values.map((value) => `\`${String(value)}\``)
  const wanted = names.length > 1 ? `one of ${names.join(', ')}` : names.join('')
  if (input === undefined) return `is required: ${wanted}`
  const near = typeof input === 'string' ? findNearestName(input, values.map(String)) : undefined
  return `must be ${wanted}${near !== undefined && names.length > 1 ? `; did you mean \`${near}\`?` : ''}`
}

interface Size {
  readonly code: string
  readonly origin?: string
  readonly minimum?: number | bigint
  readonly maximum?: number | bigint
  readonly inclusive?: boolean
  readonly exact?: boolean
}

const UNITS: Readonly<Record<string, readonly [one: string, several: string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
  set: ['entry', 'entries'],
  map: ['entry', 'entries'],
}

function describeSize(issue: Size): string {
  const isTooSmall = issue.code === 'too_small'
  const bound = (isTooSmall ? issue.minimum : issue.maximum) ?? 0
  const atLeast = isTooSmall ? 'at least' : 'at most'
  const limit = bound.toLocaleString('en-US', { maximumFractionDigits: 20 })
  const units = UNITS[issue.origin ?? '']
  if (units) return describeLength(issue, { limit, atLeast, unit: units[Number(bound) === 1 ? 0 : 1] })
  const beyond = isTooSmall ? 'greater than' : 'less than'
  return `must be ${issue.inclusive === false ? beyond : atLeast} ${limit}`
}

function describeLength({ code, exact }: Size, { limit, atLeast, unit }: Record<'limit' | 'atLeast' | 'unit', string>) {
  if (code === 'too_small' && limit === '1' && !exact) return 'must not be empty'
  return `must have ${exact ? 'exactly' : atLeast} ${limit} ${unit}`
}

/** The formats of zod that schemas use without a message of their own. */
const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a UUID',
  url: 'a URL',
  email: 'an email address',
  datetime: 'a date and time with an offset, such as 2026-11-03T09:30:00Z',
  date: 'a date, such as 2026-11-03',
}

function describeFormat(issue: Issue & { format?: string; prefix?: string; pattern?: unknown }): string {
  if (issue.format === 'starts_with') return `must start with \`${issue.prefix}\``
  const known = FORMATS[issue.format ?? '']
  return known === undefined ? `must match ${String(issue.pattern)}` : `must be ${known}`
}

interface Finding {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** A choice that accepts the value's type says more than those that do not. If there is no such choice, all count. */
export function findClosest<Branch extends readonly Finding[]>(branches: readonly Branch[]): readonly Branch[] {
  const close = branches.filter((branch) => !branch.some(isOfOtherType))
  return close.length > 0 ? close : branches
}

const isOfOtherType = ({ code, path }: Finding) =>
  path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')

interface Union {
  readonly errors: readonly (readonly Finding[])[]
  readonly input?: unknown
  /** The field that distinguishes the choices, and its values. */
  readonly discriminator?: string | undefined
  readonly options?: unknown
}

function describeUnion({ errors, input, discriminator, options }: Union): string {
  if (discriminator) return describeChoice(options as unknown[], Reflect.get(Object(input), discriminator))
  const given = `, not ${nameType(input)}`
  const closest = findClosest(errors)
  const texts = unique(closest.map((branch) => branch.map(describeFinding).join('; ').replace(given, '')))
  const isTypeAlone = closest.every(([first]) => first?.code === 'invalid_type')
  const folded = texts.map((text, at) => (at > 0 && texts.every(isSentence) ? text.slice(MUST_BE.length) : text))
  return `${joinChoices(folded) || 'is not valid'}${isTypeAlone ? given : ''}`
}

const MUST_BE = 'must be '
const isSentence = (text: string) => text.startsWith(MUST_BE)
const describeFinding = ({ path, message }: Finding) =>
  [path.map(quoteName).join('.'), message].filter(Boolean).join(': ')
const joinChoices = (texts: readonly string[]) =>
  texts.length < 3 ? texts.join(' or ') : `${texts.slice(0, -1).join(', ')}, or ${texts.at(-1)}`

const unique = (texts: readonly string[]) => [...new Set(texts)]

z.config({ customError: describeIssue })
