import { and, desc, eq, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { defaultOrganization } from '../accounts/sessions/home-organization.ts'
import { isCharged } from '../billing/subscriptions/is-charged.ts'
import type { Database } from '../db/orm.ts'
import { sessions } from '../db/schema/accounts.ts'
import { memberships, organizations } from '../db/schema/organizations.ts'
import { users } from '../db/schema/users.ts'

const viewColumns = {
  id: organizations.id,
  name: organizations.name,
  slug: organizations.slug,
  externalId: organizations.externalId,
  planId: organizations.planId,
  role: memberships.role,
  isPersonal: organizations.isPersonal,
  isPlatform: organizations.isPlatform,
  requiresTwoFactor: organizations.requiresTwoFactor,
  suspendedAt: organizations.suspendedAt,
  createdAt: organizations.createdAt,
  memberCount: sql<number>`(select count(*)::int from memberships m where m.organization_id = organizations.id)`,
}

export type OrganizationView = NonNullable<Awaited<ReturnType<typeof findOrganization>>>

const ofMember = (db: Database, userId: string, more: SQL | undefined) =>
  db
    .select(viewColumns)
    .from(memberships)
    .innerJoin(organizations, eq(organizations.id, memberships.organizationId))
    .where(and(eq(memberships.userId, userId), more))

/** Finds an organization as one of its members sees it. */
export async function findOrganization(db: Database, organizationId: string, userId: string) {
  const [row] = await ofMember(db, userId, eq(organizations.id, organizationId))
  return row
}

export async function findName(db: Database, organizationId: string): Promise<string | undefined> {
  const [row] = await db
    .select({ name: organizations.name })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
  return row?.name
}

/** Selects one page of a user's organizations, newest first, plus one row if there is another page. */
export function listOrganizations(
  db: Database,
  userId: string,
  { limit, after }: { limit: number; after: string | undefined },
) {
  return ofMember(db, userId, after ? lt(organizations.id, after) : undefined)
    .orderBy(desc(organizations.id))
    .limit(limit + 1)
}

/** Statements that create an organization and its owner's membership. */
export function insertOrganization(db: Database, organization: typeof organizations.$inferInsert, ownerId: string) {
  return [
    db.insert(organizations).values(organization),
    db.insert(memberships).values({ organizationId: organization.id, userId: ownerId, role: 'owner' }),
  ] as const
}

export function updateOrganization(
  db: Database,
  organizationId: string,
  changes: { readonly name?: string; readonly slug?: string; readonly requiresTwoFactor?: boolean },
) {
  return db.update(organizations).set(changes).where(eq(organizations.id, organizationId))
}

/** Selects the active owners of an organization, with their addresses. */
export function selectOwners(db: Database, organizationId: string) {
  return db
    .select({ id: users.id, email: users.email, name: users.name })
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(and(eq(memberships.organizationId, organizationId), eq(memberships.role, 'owner'), eq(users.isActive, true)))
}

/** Whether an organization is not the platform's and has this name. */
export const mayBeDeleted = (organizationId: string, name: string) => sql`exists (
  select 1 from organizations o where o.id = ${organizationId}::uuid and o.name = ${name} and not o.is_platform)`

/** Whether a subscription of an organization is still charged. */
export const isPaidFor = (organizationId: string) => isCharged(sql`${organizationId}::uuid`)

/** Removes all members of an organization, for the batch that deletes it. */
export function deleteMemberships(db: Database, organizationId: string) {
  return db.delete(memberships).where(eq(memberships.organizationId, organizationId))
}

/** Deletes an organization with everything that belongs to it, except usage totals and the audit log. */
export function deleteOrganization(db: Database, organizationId: string) {
  return db
    .delete(organizations)
    .where(eq(organizations.id, organizationId))
    .returning({ id: organizations.id, version: organizations.version })
}

/**
 * Switches live sessions that act for an organization to another organization of their user. Runs after the memberships
 * are deleted.
 *
 * @param userId the user whose sessions to switch; all users if absent
 */
export function leaveSessions(db: Database, organizationId: string, userId?: string) {
  return db
    .update(sessions)
    .set({ organizationId: defaultOrganization(sql`sessions.user_id`) })
    .where(
      and(
        eq(sessions.organizationId, organizationId),
        isNull(sessions.endedAt),
        userId === undefined ? undefined : eq(sessions.userId, userId),
      ),
    )
}

/** Makes a session act for an organization. The statement returns the session's expiry. */
export function switchSession(db: Database, sessionId: string, userId: string, organizationId: string) {
  return db
    .update(sessions)
    .set({ organizationId })
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.endedAt)))
    .returning({ expiresAt: sessions.expiresAt })
}
