import { index, pgTable, smallint, timestamp } from 'drizzle-orm/pg-core'
import { bytea, createdAt } from './columns.ts'

/** The first answer to a request that carried an `Idempotency-Key`, written by the batch that had the effect. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    /** SHA-256 of the caller, the route and the key. */
    id: bytea().primaryKey(),
    /** SHA-256 of the body. The same key with another body is an error of the caller. */
    requestHash: bytea().notNull(),
    status: smallint().notNull(),
    /**
     * AES-GCM ciphertext under a key derived from the caller's own `Idempotency-Key`. Nobody can read secrets in it at
     * rest.
     */
    response: bytea().notNull(),
    createdAt: createdAt(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
  },
  (t) => [index('idempotency_keys_expiry').on(t.expiresAt)],
)
