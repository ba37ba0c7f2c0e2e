import { customType, timestamp } from 'drizzle-orm/pg-core'

/** Raw bytes. Over Neon's HTTP protocol they travel as Postgres' `\x…` text, so that no driver has to guess. */
export const bytea = customType<{ data: Uint8Array; driverData: string | Uint8Array }>({
  dataType: () => 'bytea',
  toDriver: (bytes) => `\\x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`,
  fromDriver: (value) => (typeof value === 'string' ? fromHex(value.slice(2)) : value),
})

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16))
}

/** A point in time that may not have come yet, or ever. */
export const moment = () => timestamp({ withTimezone: true })

export const createdAt = () => timestamp({ withTimezone: true }).notNull().defaultNow()

export const updatedAt = () =>
  timestamp({ withTimezone: true })
    .notNull()
    .defaultNow()
    .$onUpdate(() => new Date())
