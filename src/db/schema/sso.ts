import { sql } from 'drizzle-orm'
import { boolean, check, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'

/** The OpenID provider through which an organization's people sign in. An organization has at most one. */
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
    /** The role of people who sign in for the first time. Null if only members may sign in. */
    joinRole: text({ enum: ['member', 'viewer'] }),
    /** Whether members other than owners may act for the organization only in a session of this connection. */
    isRequired: boolean().notNull().default(false),
    /** The last sign-in. Null if there has been none since the provider was changed. */
    lastUsedAt: timestamptz(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('sso_connections_organization_unique').on(t.organizationId),
    check('sso_connections_join_role', sql`${t.joinRole} in ('member', 'viewer')`),
  ],
)
