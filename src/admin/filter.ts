import { type Column, eq, type SQL } from 'drizzle-orm'

/** The condition of a filter: none where the caller did not give it. */
export function equals(column: Column, value: string | undefined): SQL | undefined {
  return value === undefined ? undefined : eq(column, value)
}
