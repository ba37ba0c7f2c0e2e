/** A body as rows of a table: one per field, nested ones under their path. */
import type { OpenApiDocument } from '../openapi.ts'
import { type AnySchema, objectWithin, resolveShape, type Shape, typeName } from './schema.ts'

export interface Field {
  /** The path to the object that has the field: `data[].`, empty at the top. */
  readonly within: string
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  /** Markdown, each a phrase: `1 to 100 characters`. */
  readonly limits: readonly string[]
  /** The default; as JSON unless it is text. */
  readonly preset: string | undefined
  /** Markdown. */
  readonly description: string | undefined
}

const DEEPEST = 5
const LONGEST_ENUM = 12

/** The fields of an object, of the elements of a list or map, or of all members of a union; none for a plain value. */
export function listFields(document: OpenApiDocument, schema: AnySchema): Field[] {
  const fields: Field[] = []
  const shown = new Map<string, string>()
  walk(schema, '', 0)
  return fields

  function walk(given: AnySchema, path: string, depth: number): void {
    const [shape, steps] = objectWithin(document, given) ?? []
    if (!shape || depth > DEEPEST) return
    const within = `${path}${steps}`.replace(/(.)$/, '$1.')
    for (const [name, property] of Object.entries(shape.schema.properties ?? {})) {
      const { limits, ...field } = toField(document, property, name)
      const twin = findTwin(property, `${within}${name}`)
      const isRequired = shape.schema.required?.includes(name) ?? false
      fields.push({ ...field, within, isRequired, limits: twin ? [...limits, twin] : limits })
      if (!twin) walk(property, `${within}${name}`, depth + 1)
    }
  }

  /** Siblings of one shape are described once; the others refer to the first. */
  function findTwin(property: AnySchema, here: string): string | undefined {
    const key = JSON.stringify(objectWithin(document, property)?.[0].schema.properties)
    const first = key && shown.get(key)
    if (key && !first) shown.set(key, here)
    return first ? `fields as in \`${first}\`` : undefined
  }
}

/** One named value, such as a parameter. The caller decides whether it is required. */
export function toField(document: OpenApiDocument, schema: AnySchema, name: string): Field {
  const shape = resolveShape(document, schema)
  const { default: preset, description, items } = shape.schema
  return {
    within: '',
    name,
    type: typeName(document, shape),
    isRequired: false,
    limits: describeLimits(document, shape),
    preset: preset === undefined ? undefined : formatValue(preset),
    description: description ?? (items && resolveShape(document, items).schema.description),
  }
}

type Limit = (schema: Shape['schema']) => string

/** Each keyword that bounds a value, in words; empty if the schema lacks it. */
const LIMITS: readonly Limit[] = [
  (schema) => enumeration(schema.type === 'boolean' ? [] : (schema.enum ?? [schema.const])),
  (schema) => range(schema.minLength, schema.maxLength, ' characters'),
  (schema) => range(schema.minimum, schema.maximum),
  (schema) => phrase(schema.exclusiveMinimum, (bound) => `more than ${number(bound)}`),
  (schema) => phrase(schema.exclusiveMaximum, (bound) => `less than ${number(bound)}`),
  (schema) => phrase(schema.multipleOf, (step) => `a multiple of ${number(step)}`),
  (schema) => range(schema.minItems, schema.maxItems, ' items'),
  (schema) => (schema.uniqueItems ? 'no item twice' : ''),
  (schema) => phrase(schema.pattern, (pattern) => `matches \`${pattern}\``),
]

function describeLimits(document: OpenApiDocument, { schema }: Shape): string[] {
  const items = schema.items ? describeBounds(resolveShape(document, schema.items)) : []
  return [...describeBounds({ schema }), ...items.map((limit) => `each ${limit}`)]
}

function describeBounds({ schema }: Pick<Shape, 'schema'>): string[] {
  return LIMITS.map((limit) => limit(schema)).filter(Boolean)
}

function enumeration(values: readonly unknown[]): string {
  const names = values
    .filter((value) => value !== null && value !== undefined)
    .map((value) => `\`${formatValue(value)}\``)
  if (names.length <= 1) return names.map((name) => `always ${name}`).join('')
  if (names.length <= LONGEST_ENUM) return `one of ${names.join(', ')}`
  return `one of ${names.length} values, such as ${names.slice(0, 3).join(', ')}`
}

/** Bounds that only state the range of JavaScript integers are omitted. */
function range(least = Number.MIN_SAFE_INTEGER, most = Number.MAX_SAFE_INTEGER, unit = ''): string {
  const [isFloored, isCapped] = [least > Number.MIN_SAFE_INTEGER, most < Number.MAX_SAFE_INTEGER]
  if (isFloored && isCapped) return `${number(least)}${least === most ? '' : ` to ${number(most)}`}${unit}`
  if (isCapped) return `at most ${number(most)}${unit}`
  return isFloored ? `at least ${number(least)}${unit}` : ''
}

function phrase<T>(value: T | undefined, inWords: (value: T) => string): string {
  return value === undefined ? '' : inWords(value)
}

function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function number(value: number): string {
  return value.toLocaleString('en-US')
}
