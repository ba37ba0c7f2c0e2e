import { drizzle, type NeonHttpDatabase } from 'drizzle-orm/neon-http'
import type { Sql } from './client.ts'

export type Database = NeonHttpDatabase

/**
 * Drizzle over the same connection, for the management API. Key verification does not use it: its modules cost cold
 * start.
 */
export function ormOver(sql: Sql): Database {
  return drizzle({ client: sql, casing: 'snake_case' })
}
