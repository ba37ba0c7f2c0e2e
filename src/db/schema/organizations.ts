import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bytea, createdAt, timestamptz, updatedAt } from './columns.ts'
import { plans } from './plans.ts'
import type { AddonLimits, AlertAmount, LimitOverrides } from './shapes.ts'
import { users } from './users.ts'

/** A customer of the operator, and the tenant: keys, quotas, usage and billing belong to it. */
export const organizations = pgTable(
  'organizations',
  {
    id: uuid().primaryKey(),
    name: text().notNull(),
    /** The operator's own id of this customer, opaque and case-sensitive; null if there is none. */
    externalId: text(),
    /** Billing contact; null for the buyer's address. */
    email: text(),
    /** The operator's own notes; Tollgate stores them unchanged. */
    metadata: jsonb().$type<Record<string, unknown>>().notNull().default({}),
    /** Lower-case letters, digits and hyphens; unique; used in addresses that people read. */
    slug: text().notNull(),
    /**
     * The operator's own organization: its admins are administrators, its keys may be service keys. There is exactly
     * one.
     */
    isPlatform: boolean().notNull().default(false),
    /** Created at registration for one person. */
    isPersonal: boolean().notNull().default(false),
    planId: text()
      .notNull()
      .references(() => plans.id),
    /** An administrator's overrides of the plan's limits. Absent fields follow the plan. */
    limitOverrides: jsonb().$type<LimitOverrides>().notNull().default({}),
    /** What its add-ons add to the plan's limits, as of the subscription's last change. */
    limitAdditions: jsonb().$type<AddonLimits>().notNull().default({}),
    /** How many members its subscription pays for; null for the number that the plan includes. */
    seats: integer(),
    /** Usage periods begin on this day and at this time of each month. Null means calendar months in UTC. */
    periodAnchor: timestamptz(),
    /** Percentages of a limit at which owners and admins are notified. Null for the defaults. */
    alertThresholds: jsonb().$type<readonly number[]>(),
    /** Amounts of meters at which owners and admins are also notified. */
    alertAmounts: jsonb().$type<readonly AlertAmount[]>().notNull().default([]),
    /** Whether only members who have a second factor may act for it. */
    requiresTwoFactor: boolean().notNull().default(false),
    /** While set, the organization's keys do not verify. */
    suspendedAt: timestamptz(),
    suspendedReason: text(),
    /** Raised by every change that a key verification can see. */
    version: integer().notNull().default(1),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    uniqueIndex('organizations_slug_unique').on(t.slug),
    uniqueIndex('organizations_external_id_unique').on(t.externalId),
    uniqueIndex('organizations_one_platform').on(t.isPlatform).where(sql`${t.isPlatform}`),
    index('organizations_plan').on(t.planId),
  ],
)

/** Roles that an organization defined for its members, in addition to the built-in ones (auth/roles.ts). */
export const roles = pgTable(
  'roles',
  {
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    /** Lower-case letters, digits and hyphens. Never the name of a built-in role. */
    name: text().notNull(),
    description: text(),
    permissions: text().array().notNull(),
    createdAt: createdAt(),
    updatedAt: updatedAt(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.name] }),
    check('roles_name', sql`${t.name} not in ('owner', 'admin', 'member', 'viewer')`),
  ],
)

/** Who may act for an organization, and in which role. */
export const memberships = pgTable(
  'memberships',
  {
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    userId: uuid()
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** A built-in role, or one of the organization's own. */
    role: text().notNull(),
    /** The role again if it is the organization's own, for the foreign key. */
    customRole: text().generatedAlwaysAs(
      sql`case when role not in ('owner', 'admin', 'member', 'viewer') then role end`,
    ),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.organizationId, t.userId] }),
    index('memberships_user').on(t.userId),
    foreignKey({
      name: 'memberships_role',
      columns: [t.organizationId, t.customRole],
      foreignColumns: [roles.organizationId, roles.name],
    }),
  ],
)

/** An invitation by email. Single-use, and dead once accepted, revoked or expired. */
export const invitations = pgTable(
  'invitations',
  {
    id: uuid().primaryKey(),
    organizationId: uuid()
      .notNull()
      .references(() => organizations.id, { onDelete: 'cascade' }),
    email: text().notNull(),
    role: text().notNull(),
    /** SHA-256 of the token in the link. */
    tokenHash: bytea().notNull(),
    invitedBy: uuid().references(() => users.id, { onDelete: 'set null' }),
    /** Sent by the operator: it needs no member who may invite. */
    isByOperator: boolean().notNull().default(false),
    createdAt: createdAt(),
    expiresAt: timestamp({ withTimezone: true }).notNull(),
    acceptedAt: timestamptz(),
    revokedAt: timestamptz(),
  },
  (t) => [
    uniqueIndex('invitations_hash_unique').on(t.tokenHash),
    index('invitations_organization').on(t.organizationId, t.createdAt),
    index('invitations_expiry').on(t.expiresAt),
    /** One open invitation per address; a newer one replaces an older one. */
    uniqueIndex('invitations_open_unique')
      .on(t.organizationId, t.email)
      .where(sql`${t.acceptedAt} is null and ${t.revokedAt} is null`),
  ],
)
