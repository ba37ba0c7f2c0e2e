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
  planId: organizations.planId,
  role: memberships.role,
  isPersonal: organizations.isPersonal,
  isPlatform: organizations.isPlatform,
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

/** An organization as one of its members sees it. */
export async function findOrganization(db: Database, organizationId: string, userId: string) {
  const [row] = await ofMember(db, userId, eq(organizations.id, organizationId))
  return row
}

/** One page of a user's organizations, newest first, and one row more when there is another page. */
export function listOrganizations(
  db: Database,
  userId: string,
  { limit, after }: { limit: number; after: string | undefined },
) {
  return ofMember(db, userId, after ? lt(organizations.id, after) : undefined)
    .orderBy(desc(organizations.id))
    .limit(limit + 1)
}

/** Statements that make an organization and the ownership of it. */
export function insertOrganization(db: Database, organization: typeof organizations.$inferInsert, ownerId: string) {
  return [
    db.insert(organizations).values(organization),
    db.insert(memberships).values({ organizationId: organization.id, userId: ownerId, role: 'owner' }),
  ] as const
}

export function updateOrganization(
  db: Database,
  organizationId: string,
  changes: { readonly name?: string; readonly slug?: string },
) {
  return db.update(organizations).set(changes).where(eq(organizations.id, organizationId))
}

/** Active owners of an organization, as a mail reaches them. */
export function selectOwners(db: Database, organizationId: string) {
  return db
    .select({ id: users.id, email: users.email, name: users.name })
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(and(eq(memberships.organizationId, organizationId), eq(memberships.role, 'owner'), eq(users.isActive, true)))
}

/** Whether a user is a member with one of these roles at this place of the batch. */
export const isMember = (organizationId: string, userId: string, roles: readonly string[]) => sql`exists (
  select 1 from memberships m where m.organization_id = ${organizationId}::uuid and m.user_id = ${userId}::uuid
    and m.role in (${sql.join(
      roles.map((role) => sql`${role}`),
      sql`, `,
    )}))`

/** Whether an organization is an ordinary one of this name, and whether the user belongs to another one besides. */
export const mayBeDeleted = (organizationId: string, userId: string, name: string) => sql`(
  exists (select 1 from organizations o where o.id = ${organizationId}::uuid and o.name = ${name} and not o.is_platform)
  and exists (select 1 from memberships m where m.user_id = ${userId}::uuid and m.organization_id <> ${organizationId}::uuid))`

/** Whether somebody goes on paying for an organization. */
export const isPaidFor = (organizationId: string) => isCharged(sql`${organizationId}::uuid`)

/** Takes everybody out of an organization; for the batch that deletes it. */
export function deleteMemberships(db: Database, organizationId: string) {
  return db.delete(memberships).where(eq(memberships.organizationId, organizationId))
}

/** Deletes an organization with all that belongs to it; sums of usage and the audit log stay. */
export function deleteOrganization(db: Database, organizationId: string) {
  return db
    .delete(organizations)
    .where(eq(organizations.id, organizationId))
    .returning({ id: organizations.id, version: organizations.version })
}

/**
 * Lets live sessions that acted for an organization act for another one of their user's; after the memberships are gone.
 *
 * @param userId everybody's when absent
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

/** Makes a session act for an organization. The statement returns when the session ends. */
export function switchSession(db: Database, sessionId: string, userId: string, organizationId: string) {
  return db
    .update(sessions)
    .set({ organizationId })
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.endedAt)))
    .returning({ expiresAt: sessions.expiresAt })
}
