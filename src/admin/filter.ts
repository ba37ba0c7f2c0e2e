import { type Column, eq, type SQL } from 'drizzle-orm'

/** The condition of an optional filter; undefined if the caller omitted it. */
export function equals(column: Column, value: string | undefined): SQL | undefined {
  return value === undefined ? undefined : eq(column, value)
}
