import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea, createdAt, moment, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'
import type { NamedLimit } from './shapes.ts'
import { users } from './users.ts'

/** What an organization's programs present. The key itself is shown once and stored nowhere. */
export const apiKeys = pgTable(
  'api_keys',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    createdBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    name: text().notNull(),
    description: text(),
    /** SHA-256 of the whole key. */
    keyHash: bytea().notNull(),
    keyPrefix: text().notNull(),
    /** The first and last characters, so that a person recognizes the key. */
    keyHint: text().notNull(),
    environment: text({ enum: ['live', 'test'] }).notNull(),
    scopes: text().array().notNull().default([]),
    /** False while switched off; unlike a revocation it can be switched on again. */
    isActive: boolean().notNull().default(true),
    expiresAt: moment(),
    revokedAt: moment(),
    /** Units a minute; null follows the organization. */
    customRateLimit: integer(),
    /** Whether an administrator set it: only then may it be above the organization's own, also after a downgrade. */
    isRateLimitGranted: boolean().notNull().default(false),
    /** Limits beside the rate limit; checked with it, all or nothing. */
    limits: jsonb().$type<readonly NamedLimit[]>().notNull().default([]),
    /** Addresses and CIDR ranges the key may be used from; null means anywhere. */
    allowedIps: text().array(),
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** False for keys imported by hash from another system: their format cannot be checked. */
    hasChecksum: boolean().notNull().default(true),
    /** The key that this one was made from by rotation. No reference: keys only go with their organization, all at once. */
    rotatedFrom: uuid(),
    /** The first key of its line of rotations, in whose windows it counts; null for the first itself. */
    lineageId: uuid(),
    /** The key that rotation put in its place: set once, so that of two rotations at once one happens. */
    replacedBy: uuid(),
    /** When a secret scanner reported it as found in public, and it was switched off; null again once it is switched on. */
    leakedAt: moment(),
    /** Raised by every change; an isolate that cached a lower one reloads. */
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('api_keys_hash_unique').on(t.keyHash),
    index('api_keys_organization').on(t.organizationId, t.id),
    index('api_keys_creator').on(t.createdBy),
    index('api_keys_expiry').on(t.expiresAt).where(sql`${t.expiresAt} is not null`),
    check('api_keys_environment', sql`${t.environment} in ('live', 'test')`),
    check('api_keys_custom_rate_limit', sql`${t.customRateLimit} > 0`),
  ],
)

/** Totals per key, folded in by the usage writer; apart from `api_keys` so that counting never locks or versions a key. */
export const apiKeyUsage = pgTable('api_key_usage', {
  keyId: uuid().primaryKey(),
  organizationId: uuid().notNull(),
  totalRequests: bigint({ mode: 'number' }).notNull(),
  lastUsedAt: timestamp({ withTimezone: true }).notNull(),
})
