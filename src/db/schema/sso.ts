import { sql } from 'drizzle-orm'
import { boolean, check, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'

/** The OpenID provider by which an organization's people sign in. An organization has one at most. */
export const ssoConnections = pgTable(
  'sso_connections',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    issuer: text().notNull(),
    clientId: text().notNull(),
    clientSecretEncrypted: bytea().notNull(),
    /** The role of whoever signs in the first time. Null if only members may sign in. */
    joinRole: text({ enum: ['member', 'viewer'] }),
    /** Whether members who are no owners may act for the organization only in a session of this connection. */
    isRequired: boolean().notNull().default(false),
    /** The last sign-in. Null while none has come about since the provider was changed. */
    lastUsedAt: timestamptz(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('sso_connections_organization_unique').on(t.organizationId),
    check('sso_connections_join_role', sql`${t.joinRole} in ('member', 'viewer')`),
  ],
)
