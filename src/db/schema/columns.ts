import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { sql } from 'drizzle-orm'
import { customType, timestamp } from 'drizzle-orm/pg-core'

/** Raw bytes. Over Neon's HTTP protocol they travel as Postgres' `\x…` text, so that no driver has to guess. */
export const bytea = customType<{ data: Uint8Array; driverData: string | Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (bytes) => `\\x${bytesToHex(bytes)}`,
  fromDriver: (value) => (typeof value === 'string' ? hexToBytes(value.slice(2)) : value),
})

/** The same bytes inside a hand-written statement. */
export const bytesParameter = (bytes: Uint8Array) => sql`decode(${bytesToHex(bytes)}, 'hex')`

/** A point in time, which may be in the future or never set. */
export const timestamptz = () => timestamp({ withTimezone: true })

export const createdAt = () => timestamp({ withTimezone: true }).notNull().defaultNow()

export const updatedAt = () =>
  timestamp({ withTimezone: true })
    .notNull()
    .defaultNow()
    .$onUpdate(() => new Date())
