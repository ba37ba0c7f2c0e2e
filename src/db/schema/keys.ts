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
import { bytea, createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'
import type { NamedLimit } from './shapes.ts'
import { users } from './users.ts'

/** The credential of an organization's programs. The key itself is shown once and not stored. */
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
    /** The first and last characters, so that a person can recognize the key. */
    keyHint: text().notNull(),
    environment: text({ enum: ['live', 'test'] }).notNull(),
    scopes: text().array().notNull().default([]),
    /** False while disabled. Unlike a revoked key, a disabled one can be enabled again. */
    isActive: boolean().notNull().default(true),
    expiresAt: timestamptz(),
    revokedAt: timestamptz(),
    /** Units per minute. Null uses the organization's limit. */
    customRateLimit: integer(),
    /** Whether an administrator set it. Only then may it exceed the organization's limit, even after a downgrade. */
    isRateLimitGranted: boolean().notNull().default(false),
    /** Limits in addition to the rate limit, checked together with it, all or nothing. */
    limits: jsonb().$type<readonly NamedLimit[]>().notNull().default([]),
    /** The most holds that may be open at once. Null uses the plan's. */
    maxConcurrent: integer(),
    /** IP addresses and CIDR ranges the key may be used from. Null allows all. */
    allowedIps: text().array(),
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** False for keys imported by hash from another system, whose format cannot be checked. */
    hasChecksum: boolean().notNull().default(true),
    /**
     * The key that this one replaced by rotation. No reference: keys are only deleted with their organization, all at
     * once.
     */
    rotatedFrom: uuid(),
    /** The first key in its line of rotations, whose windows it shares. Null for the first key itself. */
    lineageId: uuid(),
    /** The key that replaced it by rotation. Set once, so that only one of two concurrent rotations succeeds. */
    replacedBy: uuid(),
    /** When a secret scanner reported it as leaked, which disabled it. Null again once it is enabled. */
    leakedAt: timestamptz(),
    /** If the key is the access token of a grant (oauth.ts), the grant's application. Null for every other key. */
    clientId: uuid(),
    /** Raised by every change. An isolate that cached a lower version reloads the row. */
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('api_keys_hash_unique').on(t.keyHash),
    index('api_keys_organization').on(t.organizationId, t.id),
    index('api_keys_creator').on(t.createdBy),
    index('api_keys_expiry').on(t.expiresAt).where(sql`${t.expiresAt} is not null`),
    index('api_keys_hint').on(t.keyHint.op('text_pattern_ops')),
    index('api_keys_hint_end').on(sql`right(${t.keyHint}, 4)`, t.id),
    index('api_keys_name').on(sql`lower(${t.name}) text_pattern_ops`),
    check('api_keys_environment', sql`${t.environment} in ('live', 'test')`),
    check('api_keys_custom_rate_limit', sql`${t.customRateLimit} > 0`),
    check('api_keys_max_concurrent', sql`${t.maxConcurrent} > 0`),
  ],
)

/**
 * Totals per key, updated by the usage writer. Apart from `api_keys`, so that counting never locks a key or raises its
 * version.
 */
export const apiKeyUsage = pgTable('api_key_usage', {
  keyId: uuid().primaryKey(),
  organizationId: uuid().notNull(),
  totalRequests: bigint({ mode: 'number' }).notNull(),
  lastUsedAt: timestamp({ withTimezone: true }).notNull(),
})
