import { and, desc, eq, ilike, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import { administrates } from '../../auth/administrators.ts'
import type { Role } from '../../auth/roles.ts'
import { hasTwoFactor } from '../../auth/two-factor.ts'
import { isOnPlan } from '../../db/conditions.ts'
import type { Database } from '../../db/orm.ts'
import { readBriefly } from '../../db/read-briefly.ts'
import { sessions } from '../../db/schema/accounts.ts'
import { organizations } from '../../db/schema/organizations.ts'
import { users } from '../../db/schema/users.ts'
import { containing } from '../../lib/like.ts'

interface MemberOf {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly plan: string
}

const isProtected = hasTwoFactor(sql`users.id`)

const viewColumns = {
  id: users.id,
  email: users.email,
  name: users.name,
  isActive: users.isActive,
  emailVerifiedAt: users.emailVerifiedAt,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
  isAdministrator: administrates(sql`users.id`),
  hasTwoFactor: isProtected,
  organizations: sql<MemberOf[]>`(
    select coalesce(json_agg(json_build_object('id', o.id, 'name', o.name, 'role', m.role, 'plan', split_part(o.plan_id, '@', 1))
      order by m.created_at, o.id), '[]'::json)
    from memberships m join organizations o on o.id = m.organization_id where m.user_id = users.id)`,
}

export type UserView = NonNullable<Awaited<ReturnType<typeof findUser>>>

export async function findUser(db: Database, userId: string) {
  const [row] = await db.select(viewColumns).from(users).where(eq(users.id, userId))
  return row
}

interface UserFilter {
  readonly search?: string | undefined
  readonly is_active?: boolean | undefined
  readonly is_verified?: boolean | undefined
  readonly two_factor_enabled?: boolean | undefined
  readonly plan?: string | undefined
  readonly organizationId?: string | undefined
}

/** Selects one page of all users, newest first, plus one row if there is another page. */
export function listUsers(
  db: Database,
  filter: UserFilter,
  { limit, after }: { limit: number; after: string | undefined },
) {
  const read = db
    .select(viewColumns)
    .from(users)
    .where(and(...conditions(filter), after ? lt(users.id, after) : undefined))
  return readBriefly(db, read.orderBy(desc(users.id)).limit(limit + 1))
}

const inOrganization = (condition: SQL) => sql`exists (
  select 1 from memberships m join organizations o on o.id = m.organization_id
  where m.user_id = users.id and ${condition})`

function conditions({ search, is_active, is_verified, two_factor_enabled, plan, organizationId }: UserFilter) {
  return [
    search === undefined
      ? undefined
      : or(ilike(users.email, containing(search)), ilike(users.name, containing(search))),
    is_active === undefined ? undefined : eq(users.isActive, is_active),
    is_verified === undefined ? undefined : (is_verified ? isNotNull : isNull)(users.emailVerifiedAt),
    two_factor_enabled === undefined ? undefined : sql`${isProtected} = ${two_factor_enabled}`,
    plan === undefined ? undefined : inOrganization(isOnPlan(sql`o.plan_id`, plan)),
    organizationId === undefined ? undefined : inOrganization(sql`o.id = ${organizationId}`),
  ]
}

/** Whether a user can be disabled: they are active and, if an administrator, not the last active one. */
export const mayBeDisabled = (userId: string) => sql`exists (
  select 1 from users u where u.id = ${userId}::uuid and u.is_active and (
    not ${administrates(sql`u.id`)}
    or exists (select 1 from users a where a.id <> u.id and a.is_active and ${administrates(sql`a.id`)})))`

/** Whether a user can be impersonated. */
export const mayBeImpersonated = (userId: string) => sql`exists (
  select 1 from users u where u.id = ${userId}::uuid and u.is_active and not ${administrates(sql`u.id`)})`

export const isDisabled = (userId: string) =>
  sql`exists (select 1 from users u where u.id = ${userId}::uuid and not u.is_active)`

export const isSomebody = (userId: string) => sql`exists (select 1 from users u where u.id = ${userId}::uuid)`

export function setActive(db: Database, userId: string, isActive: boolean) {
  return db.update(users).set({ isActive }).where(eq(users.id, userId))
}

/** Ends every session of a user, and the support sessions that they opened as others. */
export function endSessions(db: Database, userId: string, reason: string, now: Date) {
  return db
    .update(sessions)
    .set({ endedAt: now, endReason: reason })
    .where(and(or(eq(sessions.userId, userId), eq(sessions.impersonatorId, userId)), isNull(sessions.endedAt)))
}

const ofUser = (userId: string) =>
  sql`${organizations.id} in (select organization_id from memberships where user_id = ${userId}::uuid)`

/** Suspends the user's organizations that have no active members any more: nobody is responsible for their keys. */
export function suspendMemberless(db: Database, userId: string, now: Date) {
  return db
    .update(organizations)
    .set({ suspendedAt: now, suspendedReason: NO_ACTIVE_MEMBERS, version: sql`${organizations.version} + 1` })
    .where(
      and(
        ofUser(userId),
        isNull(organizations.suspendedAt),
        sql`not exists (select 1 from memberships m join users u on u.id = m.user_id
          where m.organization_id = organizations.id and u.is_active)`,
      ),
    )
    .returning({ id: organizations.id, version: organizations.version })
}

/** Resumes memberless organizations of this user, who is active again. */
export function resumeMemberless(db: Database, userId: string) {
  return db
    .update(organizations)
    .set({ suspendedAt: null, suspendedReason: null, version: sql`${organizations.version} + 1` })
    .where(and(ofUser(userId), eq(organizations.suspendedReason, NO_ACTIVE_MEMBERS)))
    .returning({ id: organizations.id, version: organizations.version })
}

/** Selects a user's organizations that were suspended as memberless. @param since only those suspended at that time */
export const selectMemberless = (userId: string, since?: Date) => sql`
  select o.id from organizations o join memberships m on m.organization_id = o.id and m.user_id = ${userId}::uuid
  where o.suspended_reason = ${NO_ACTIVE_MEMBERS} and ${since ? sql`o.suspended_at = ${since.toISOString()}::timestamptz` : sql`true`}`

/** The same as rows, with their versions. */
export async function listMemberless(db: Database, userId: string) {
  const { rows } = await db.execute<{ id: string; version: number }>(
    sql`select o.id, o.version from organizations o where o.id in (${selectMemberless(userId)})`,
  )
  return rows
}

/**
 * The suspension reason of an organization that has no active members left; enabling one of them resumes it. Suspensions by
 * administrators never have this reason, so they last.
 */
export const NO_ACTIVE_MEMBERS = 'members_disabled'
