/** Translates filters to SQL. Their values become parameters, and they can read only the listed columns. */
import { type SQL, sql } from 'drizzle-orm'
import { isStorable } from '../../http/text-field.ts'
import { badRequest } from './error.ts'
import type { Comparison, Filter, FilterValue } from './filter.ts'

/** A column that a filter may use. `text` is case-insensitive. */
type Column =
  | { readonly kind: 'text' | 'exact' | 'boolean' | 'time'; readonly sql: SQL }
  /** A list: `exists` wraps a condition on one of its elements, whose attributes are `of`. */
  | { readonly kind: 'list'; readonly exists: (condition: SQL) => SQL; readonly of: Columns }

/** Keys are lower-case names; sub-attributes follow a dot. */
export type Columns = Readonly<Record<string, Column>>

/** @throws ScimError `invalidFilter` for an attribute that cannot be filtered, or a value of the wrong type */
export function toCondition(filter: Filter, columns: Columns): SQL {
  switch (filter.op) {
    case 'and':
      return sql`(${toCondition(filter.of[0], columns)} and ${toCondition(filter.of[1], columns)})`
    case 'or':
      return sql`(${toCondition(filter.of[0], columns)} or ${toCondition(filter.of[1], columns)})`
    case 'not':
      return sql`not coalesce(${toCondition(filter.of, columns)}, false)`
    case 'some': {
      const list = findColumn(columns, filter.path)
      if (list.kind !== 'list') throw badRequest('invalidFilter', `${filter.path} is no list.`)
      return list.exists(toCondition(filter.of, list.of))
    }
    default:
      return compareBy(filter, columns)
  }
}

function findColumn(columns: Columns, path: string): Column {
  const column = Object.hasOwn(columns, path) ? columns[path] : undefined
  if (!column) throw badRequest('invalidFilter', `Nothing can be filtered by ${path}.`)
  return column
}

type Leaf = Extract<Filter, { readonly path: string }> & { readonly of?: never }

/** A list is compared by the `value` of its elements, `emails.type` by their `type` (RFC 7644 §3.4.2.2). */
function compareBy(filter: Leaf, columns: Columns): SQL {
  const [name = '', sub] = filter.path.split('.')
  const column = findColumn(columns, columns[name]?.kind === 'list' ? name : filter.path)
  if (column.kind === 'list') {
    if (filter.op === 'pr' && sub === undefined) return column.exists(sql`true`)
    return column.exists(compareBy({ ...filter, path: sub ?? 'value' }, column.of))
  }
  return compareValue(filter, column)
}

function compareValue(filter: Leaf, column: Exclude<Column, { readonly kind: 'list' }>): SQL {
  if (filter.op === 'pr') return column.kind === 'text' ? sql`${column.sql} <> ''` : sql`${column.sql} is not null`
  if (filter.value === null) return compareWithNull(column.sql, filter)
  return COMPARE[column.kind](column.sql, filter.op, filter.value, filter.path)
}

function compareWithNull(column: SQL, { op, path }: { readonly op: Comparison; readonly path: string }): SQL {
  if (op === 'eq') return sql`${column} is null`
  if (op === 'ne') return sql`${column} is not null`
  throw badRequest('invalidFilter', `${path} cannot be compared with null by ${op}.`)
}

type Compare = (column: SQL, op: Comparison, value: Exclude<FilterValue, null>, path: string) => SQL

const ORDER = { eq: sql`=`, gt: sql`>`, ge: sql`>=`, lt: sql`<`, le: sql`<=` } as const

const COMPARE: Readonly<Record<'text' | 'exact' | 'boolean' | 'time', Compare>> = {
  text: (column, op, value, path) => compareText(sql`lower(${column})`, op, requireText(value, path).toLowerCase()),
  exact: (column, op, value, path) => compareText(column, op, requireText(value, path)),
  boolean(column, op, value, path) {
    if (typeof value !== 'boolean') throw badRequest('invalidFilter', `${path} is compared with true or false.`)
    if (op === 'eq') return sql`${column} = ${value}::boolean`
    if (op === 'ne') return sql`${column} is distinct from ${value}::boolean`
    throw badRequest('invalidFilter', `${path} cannot be compared by ${op}.`)
  },
  time(column, op, value, path) {
    const at = new Date(requireText(value, path))
    if (Number.isNaN(at.getTime())) throw badRequest('invalidFilter', `${path} is compared with a time.`)
    const time = sql`${at.toISOString()}::timestamptz`
    const shown = sql`date_trunc('milliseconds', ${column})`
    if (op === 'ne') return sql`${shown} <> ${time}`
    if (op in ORDER) return sql`${shown} ${ORDER[op as keyof typeof ORDER]} ${time}`
    throw badRequest('invalidFilter', `${path} cannot be compared by ${op}.`)
  },
}

function requireText(value: FilterValue, path: string): string {
  if (typeof value !== 'string' || !isStorable(value))
    throw badRequest('invalidFilter', `${path} is compared with a string.`)
  return value
}

function compareText(column: SQL, op: Comparison, value: string): SQL {
  if (op === 'ne') return sql`${column} is distinct from ${value}::text`
  if (op === 'co') return sql`position(${value}::text in ${column}) > 0`
  if (op === 'sw') return sql`starts_with(${column}, ${value}::text)`
  if (op === 'ew') return sql`right(${column}, length(${value}::text)) = ${value}::text`
  return sql`${column} ${ORDER[op]} ${value}::text`
}
