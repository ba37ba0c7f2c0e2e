import { index, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz } from './columns.ts'
import { apiKeys } from './keys.ts'
import { organizations } from './organizations.ts'

/** Links through which a customer's people reach the portal. Each can be opened once. */
export const portalSessions = pgTable(
  'portal_sessions',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** The service key that made the link. Without it, neither the link nor the access token works. */
    serviceKeyId: uuid()
      .notNull()
      .references(() => apiKeys.id, { onDelete: 'cascade' }),
    /** The person that the back end named, in its own words. */
    onBehalfOf: text(),
    /** SHA-256 of the link's token. */
    tokenHash: bytea().notNull(),
    /** Permissions of the organization. */
    scopes: text().array().notNull(),
    /** Where the portal links back to. */
    returnUrl: text(),
    createdAt: createdAt(),
    /** When the link expires. */
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    usedAt: timestamptz(),
    /** SHA-256 of what only the page that used it knows: a repeat gets the same answer for a minute. */
    verifierHash: bytea(),
  },
  (t) => [
    uniqueIndex('portal_sessions_hash_unique').on(t.tokenHash),
    index('portal_sessions_organization').on(t.organizationId),
    index('portal_sessions_service_key').on(t.serviceKeyId),
    index('portal_sessions_expiry').on(t.expiresAt),
  ],
)
