/** Parses filters and paths (RFC 7644 §3.4.2.2 and §3.5.2), and evaluates filters in memory. For SQL see filter-sql.ts. */
import { badRequest, type ScimError } from './error.ts'

const COMPARISONS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const

export type Comparison = (typeof COMPARISONS)[number]
export type FilterValue = string | number | boolean | null

export type Filter =
  | { readonly op: 'and' | 'or'; readonly of: readonly [Filter, Filter] }
  | { readonly op: 'not'; readonly of: Filter }
  /** Whether one element of a list satisfies a filter. */
  | { readonly op: 'some'; readonly path: string; readonly of: Filter }
  | { readonly op: 'pr'; readonly path: string }
  | { readonly op: Comparison; readonly path: string; readonly value: FilterValue }

/** An attribute, or one of its sub-attributes, in lower case; a filter restricts it to the elements that satisfy it. */
export interface Path {
  readonly attribute: string
  readonly filter?: Filter | undefined
  readonly sub?: string | undefined
}

const MAX_LENGTH = 2_000
const MAX_DEPTH = 20
/** A bracket, a string, or a word. */
const TOKEN = /\s*([()[\]]|"(?:[^"\\]|\\.)*"|[^\s()[\]"]+)/y
const ATTRIBUTE = /^[a-z][\w$-]*(?:\.[a-z][\w$-]*)?$/i
/** A schema may prefix an attribute. It can be ignored, because the known schemas have no attribute in common. */
const SCHEMA = /^urn:ietf:params:scim:schemas:core:2\.0:(?:User|Group):/i

/** @throws ScimError `invalidFilter` */
export function parseFilter(text: string): Filter {
  const reader = new Reader(text, (detail) => badRequest('invalidFilter', detail))
  const filter = reader.readOr(0)
  reader.requireEnd()
  return filter
}

/** Parses the target of a change. @throws ScimError `invalidPath` */
export function parsePath(text: string): Path {
  const reader = new Reader(text, (detail) => badRequest('invalidPath', detail))
  const [attribute = '', sub] = reader.readAttribute().split('.')
  if (!reader.take('[')) {
    reader.requireEnd()
    return { attribute, sub }
  }
  const filter = reader.readOr(0)
  reader.require(']')
  const rest = reader.takeWord()?.toLowerCase()
  reader.requireEnd()
  if (sub !== undefined || (rest !== undefined && !/^\.[a-z][\w$-]*$/.test(rest)))
    throw badRequest('invalidPath', `The path ${JSON.stringify(text)} is not valid.`)
  return { attribute, filter, sub: rest?.slice(1) }
}

class Reader {
  readonly #tokens: string[]
  readonly #fail: (detail: string) => ScimError
  #at = 0

  constructor(text: string, fail: (detail: string) => ScimError) {
    this.#fail = fail
    if (text.length > MAX_LENGTH) throw fail(`At most ${MAX_LENGTH} characters are read.`)
    this.#tokens = this.#split(text.trim())
  }

  #split(text: string): string[] {
    const tokens: string[] = []
    for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
      const at = TOKEN.lastIndex
      const [, token] = TOKEN.exec(text) ?? []
      if (token === undefined) throw this.#fail(`${JSON.stringify(text.slice(at, at + 40))} cannot be read.`)
      tokens.push(token)
    }
    return tokens
  }

  take(token: string): boolean {
    if (this.#tokens[this.#at]?.toLowerCase() !== token) return false
    this.#at++
    return true
  }

  takeWord(): string | undefined {
    return this.#tokens[this.#at++]
  }

  require(token: string): void {
    if (!this.take(token)) throw this.#fail(`${JSON.stringify(token)} is expected ${this.#where()}.`)
  }

  requireEnd(): void {
    if (this.#at < this.#tokens.length) throw this.#fail(`Nothing more is expected ${this.#where()}.`)
  }

  #where(): string {
    const token = this.#tokens[this.#at]
    return token === undefined ? 'at the end' : `at ${JSON.stringify(token.slice(0, 40))}`
  }

  readOr(depth: number): Filter {
    let left = this.#readAnd(depth)
    while (this.take('or')) left = { op: 'or', of: [left, this.#readAnd(depth)] }
    return left
  }

  #readAnd(depth: number): Filter {
    let left = this.#readTerm(depth)
    while (this.take('and')) left = { op: 'and', of: [left, this.#readTerm(depth)] }
    return left
  }

  #readTerm(depth: number): Filter {
    if (depth > MAX_DEPTH) throw this.#fail(`Brackets are nested more than ${MAX_DEPTH} deep.`)
    if (this.take('not')) {
      this.require('(')
      return { op: 'not', of: this.#readGroup(depth) }
    }
    if (this.take('(')) return this.#readGroup(depth)
    const path = this.readAttribute()
    if (!this.take('[')) return this.#readComparison(path)
    const of = this.readOr(depth + 1)
    this.require(']')
    return { op: 'some', path, of }
  }

  #readGroup(depth: number): Filter {
    const inner = this.readOr(depth + 1)
    this.require(')')
    return inner
  }

  /** @returns its name in lower case, because names are case-insensitive (RFC 7643 §2.1) */
  readAttribute(): string {
    const where = this.#where()
    const name = (this.takeWord() ?? '').replace(SCHEMA, '')
    // attributes of other schemas are unknown, but not an error
    if (!ATTRIBUTE.test(name) && !/^urn:[\w.:-]+$/i.test(name)) throw this.#fail(`An attribute is expected ${where}.`)
    return name.toLowerCase()
  }

  #readComparison(path: string): Filter {
    const where = this.#where()
    const op = this.takeWord()?.toLowerCase()
    if (op === 'pr') return { op, path }
    const comparison = COMPARISONS.find((one) => one === op)
    if (!comparison) throw this.#fail(`An operator is expected ${where}.`)
    return { op: comparison, path, value: this.#readValue() }
  }

  #readValue(): FilterValue {
    const where = this.#where()
    const token = this.takeWord() ?? ''
    const isLiteral = /^(?:true|false|null)$/i.test(token)
    try {
      const value: unknown = JSON.parse(isLiteral ? token.toLowerCase() : token)
      if (value === null || typeof value !== 'object') return value as FilterValue
    } catch {
      // reported below
    }
    throw this.#fail(`A value is expected ${where}: a string in double quotes, a number, true, false or null.`)
  }
}

/** The attributes that a filter names, in lower case. */
export function namesIn(filter: Filter): string[] {
  switch (filter.op) {
    case 'and':
    case 'or':
      return filter.of.flatMap(namesIn)
    case 'not':
      return namesIn(filter.of)
    default:
      return [filter.path]
  }
}

/** Whether an element of a list satisfies a filter. Strings are case-insensitive. */
export function matches(filter: Filter, element: Readonly<Record<string, unknown>>): boolean {
  switch (filter.op) {
    case 'and':
      return filter.of.every((one) => matches(one, element))
    case 'or':
      return filter.of.some((one) => matches(one, element))
    case 'not':
      return !matches(filter.of, element)
    case 'some':
      return false // lists do not contain lists
    case 'pr':
      return isPresent(valueAt(element, filter.path))
    default:
      return compare(filter.op, fold(valueAt(element, filter.path)), fold(filter.value))
  }
}

function valueAt(element: Readonly<Record<string, unknown>>, path: string): unknown {
  return Object.entries(element).find(([name]) => name.toLowerCase() === path)?.[1]
}

const isPresent = (value: unknown) => value !== undefined && value !== null && value !== ''

const fold = (value: unknown) => (typeof value === 'string' ? value.toLowerCase() : value)

function compare(op: Comparison, value: unknown, other: unknown): boolean {
  if (op === 'eq') return (value ?? null) === other
  if (op === 'ne') return (value ?? null) !== other
  return typeof value === 'string' && typeof other === 'string' && COMPARE[op](value, other)
}

const COMPARE: Readonly<Record<Exclude<Comparison, 'eq' | 'ne'>, (value: string, other: string) => boolean>> = {
  co: (value, other) => value.includes(other),
  sw: (value, other) => value.startsWith(other),
  ew: (value, other) => value.endsWith(other),
  gt: (value, other) => value > other,
  ge: (value, other) => value >= other,
  lt: (value, other) => value < other,
  le: (value, other) => value <= other,
}
