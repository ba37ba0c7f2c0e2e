import { sql } from 'drizzle-orm'
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz, updatedAt } from './columns.ts'
import { organizations } from './organizations.ts'
import { users } from './users.ts'

/** The directory that manages an organization's members by SCIM. An organization has at most one. */
export const directories = pgTable(
  'directories',
  {
    organizationId: uuid()
      .primaryKey()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** SHA-256 of the bearer token. Null until one is created. */
    tokenHash: bytea(),
    /** The role of people who are in no group with a role. */
    defaultRole: text({ enum: ['member', 'viewer'] }).notNull(),
    /** Accurate to a few minutes. */
    lastUsedAt: timestamptz(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('directories_token_unique').on(t.tokenHash),
    check('directories_default_role', sql`${t.defaultRole} in ('member', 'viewer')`),
  ],
)

/** The attributes of a person that a directory sends, except the user name. */
export interface PersonAttributes {
  readonly displayName?: string | undefined
  readonly name?: Readonly<Record<string, string | undefined>> | undefined
  readonly emails?: readonly PersonEmail[] | undefined
}

export interface PersonEmail {
  readonly value: string
  readonly type?: string | undefined
  readonly primary?: boolean | undefined
}

/** People that a directory has sent. Only `memberships` says whether they belong to the organization. */
export const directoryUsers = pgTable(
  'directory_users',
  {
    organizationId: uuid()
      .notNull()
      .references(() => directories.organizationId, { onDelete: 'cascade' }),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    userName: text().notNull(),
    externalId: text(),
    attributes: jsonb().$type<PersonAttributes>().notNull(),
    /** Raised by each change, so that a change that was decided from an older row is retried. */
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.userId] }),
    uniqueIndex('directory_users_name_unique').on(t.organizationId, sql`lower(${t.userName})`),
    index('directory_users_external').on(t.organizationId, t.externalId),
    index('directory_users_user').on(t.userId),
  ],
)

/** Groups of a directory, and the role that each gives. */
export const directoryGroups = pgTable(
  'directory_groups',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => directories.organizationId, { onDelete: 'cascade' }),
    displayName: text().notNull(),
    externalId: text(),
    /** Null for a group that gives no role. */
    role: text(),
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('directory_groups_name_unique').on(t.organizationId, sql`lower(${t.displayName})`),
    unique('directory_groups_own').on(t.organizationId, t.id),
    check('directory_groups_role', sql`${t.role} <> 'owner'`),
  ],
)

/** Who is in which group. */
export const directoryGroupMembers = pgTable(
  'directory_group_members',
  {
    organizationId: uuid().notNull(),
    groupId: uuid().notNull(),
    userId: uuid().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.groupId, t.userId] }),
    index('directory_group_members_user').on(t.organizationId, t.userId),
    foreignKey({
      name: 'directory_group_members_group',
      columns: [t.organizationId, t.groupId],
      foreignColumns: [directoryGroups.organizationId, directoryGroups.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'directory_group_members_person',
      columns: [t.organizationId, t.userId],
      foreignColumns: [directoryUsers.organizationId, directoryUsers.userId],
    }).onDelete('cascade'),
  ],
)
