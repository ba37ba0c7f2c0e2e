import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Database } from '../db/orm.ts'
import { sessions } from '../db/schema/accounts.ts'
import { memberships, organizations, roles } from '../db/schema/organizations.ts'
import { ssoConnections } from '../db/schema/sso.ts'
import { users } from '../db/schema/users.ts'
import { administrates } from './administrators.ts'
import { isServiceKeyLive } from './portal-keys.ts'
import type { Membership } from './principal.ts'
import { hasTwoFactor } from './two-factor.ts'

/** A membership as it is read: the permissions are null for a built-in role. */
type FoundMembership = Omit<Membership, 'permissions'> & { readonly permissions: readonly string[] | null }

/**
 * @returns the session, unless it ended or expired, its user is disabled or, for a support session, its opener is no
 *   longer an administrator
 */
export async function selectSession(db: Database, sessionId: string, userId: string, now: Date) {
  const [row] = await db
    .select({
      organizationId: sessions.organizationId,
      impersonatorId: sessions.impersonatorId,
      ssoConnectionId: sessions.ssoConnectionId,
      createdAt: sessions.createdAt,
      reauthenticatedAt: sessions.reauthenticatedAt,
      isAdministrator: administrates(sql`users.id`),
      emailVerifiedAt: users.emailVerifiedAt,
      hasTwoFactor: hasTwoFactor(sql`users.id`),
      memberships: sql<FoundMembership[]>`(
        select coalesce(json_agg(json_build_object('organization_id', m.organization_id, 'role', m.role,
          'permissions', (select r.permissions from ${roles} r where r.organization_id = m.organization_id and r.name = m.role),
          'is_suspended', o.suspended_at is not null, 'is_platform', o.is_platform,
          'requires_two_factor', o.requires_two_factor,
          'required_sso', (select c.id from ${ssoConnections} c where c.organization_id = o.id and c.is_required))), '[]'::json)
        from ${memberships} m join ${organizations} o on o.id = m.organization_id where m.user_id = users.id)`,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        eq(sessions.id, sessionId),
        eq(sessions.userId, userId),
        isNull(sessions.endedAt),
        gt(sessions.expiresAt, now),
        eq(users.isActive, true),
        sql`(sessions.impersonator_id is null or exists (select 1 from users a
          where a.id = sessions.impersonator_id and a.is_active and ${administrates(sql`a.id`)}))`,
      ),
    )
  return row
}

/** @returns the id of the organization with this external id */
export async function findOrganizationId(db: Database, externalId: string): Promise<string | undefined> {
  const [row] = await db
    .select({ id: organizations.id })
    .from(organizations)
    .where(eq(organizations.externalId, externalId))
  return row?.id
}

/** @returns the customer's organization with this external id; never the platform organization */
export async function selectMemberOrganization(db: Database, externalId: string) {
  const [row] = await db
    .select({
      organizationId: organizations.id,
      isSuspended: sql<boolean>`${organizations.suspendedAt} is not null`,
    })
    .from(organizations)
    .where(and(eq(organizations.externalId, externalId), eq(organizations.isPlatform, false)))
  return row
}

/** Whether the organization and the service key of a portal session both still allow it. */
export async function isPortalOpen(
  db: Database,
  { organizationId, serviceKeyId }: { readonly organizationId: string; readonly serviceKeyId: string },
  now: Date,
): Promise<boolean> {
  const rows = await db
    .select({ id: organizations.id })
    .from(organizations)
    .where(
      and(
        eq(organizations.id, organizationId),
        eq(organizations.isPlatform, false),
        isNull(organizations.suspendedAt),
        isServiceKeyLive(sql`${serviceKeyId}::uuid`, now),
      ),
    )
  return rows.length === 1
}
