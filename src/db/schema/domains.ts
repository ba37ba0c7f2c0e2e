import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, primaryKey, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { createdAt, timestamptz } from './columns.ts'
import { organizations } from './organizations.ts'
import { users } from './users.ts'

/** Domains of email addresses that an organization claims as its own. */
export const organizationDomains = pgTable(
  'organization_domains',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** In the form of stored addresses: lower case, ASCII. */
    domain: text().notNull(),
    /** The content of the TXT record that proves it. Public, but different for each organization. */
    token: text().notNull(),
    /** The role of people who join with an address of the domain. Null if nobody can join that way. */
    joinRole: text({ enum: ['member', 'viewer'] }),
    /** Since when the record has been known. Null before, and once it is gone. */
    verifiedAt: timestamptz(),
    /** When the record was last looked up. */
    checkedAt: timestamptz(),
    /** How many times in a row the record was missing. */
    missed: integer().notNull().default(0),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('organization_domains_own_unique').on(t.organizationId, t.domain),
    /** A verified domain belongs to one organization. */
    uniqueIndex('organization_domains_verified_unique').on(t.domain).where(sql`${t.verifiedAt} is not null`),
    index('organization_domains_due').on(t.checkedAt).where(sql`${t.verifiedAt} is not null`),
    check('organization_domains_join_role', sql`${t.joinRole} in ('member', 'viewer')`),
  ],
)

/** People who were removed from an organization. They can return by an invitation, but not by their domain. */
export const removedMembers = pgTable(
  'removed_members',
  {
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    removedAt: createdAt(),
  },
  (t) => [primaryKey({ columns: [t.organizationId, t.userId] }), index('removed_members_user').on(t.userId)],
)
