import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { isGivableBy, selectPermissions } from '../../auth/role-permissions.ts'
import type { Role } from '../../auth/roles.ts'
import { hasTwoFactor } from '../../auth/two-factor.ts'
import type { Database } from '../../db/orm.ts'
import { memberships } from '../../db/schema/organizations.ts'
import { users } from '../../db/schema/users.ts'
import type { Standing } from './rules.ts'

/** The actor, the target and the organization of a change. */
export interface Between {
  readonly organizationId: string
  /** Null for the operator, who has an owner's permissions. */
  readonly actorId: string | null
  readonly targetId: string
  /** The target's role after the change; null for none. */
  readonly to: Role | null
}

const shownOfPerson = {
  id: users.id,
  email: users.email,
  name: users.name,
  isActive: users.isActive,
  hasTwoFactor: hasTwoFactor(sql`users.id`),
}

const shown = {
  ...shownOfPerson,
  role: memberships.role,
  createdAt: memberships.createdAt,
}

export type MemberView = NonNullable<Awaited<ReturnType<typeof findMember>>>

const isMembership = (organizationId: string, userId: string) =>
  and(eq(memberships.organizationId, organizationId), eq(memberships.userId, userId))

export async function findMember(db: Database, organizationId: string, userId: string) {
  const [row] = await db
    .select(shown)
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(isMembership(organizationId, userId))
  return row
}

/** The user with an address, as a member of no organization in particular. */
export async function findPerson(db: Database, email: string) {
  const [row] = await db.select(shownOfPerson).from(users).where(eq(users.email, email))
  return row
}

/** Selects one page of an organization's members, oldest accounts first, plus one row if there is another page. */
export function listMembers(
  db: Database,
  organizationId: string,
  { limit, after }: { limit: number; after: string | undefined },
) {
  return db
    .select(shown)
    .from(memberships)
    .innerJoin(users, eq(users.id, memberships.userId))
    .where(and(eq(memberships.organizationId, organizationId), after ? gt(memberships.userId, after) : undefined))
    .orderBy(asc(memberships.userId))
    .limit(limit + 1)
}

const selectRole = (organizationId: string, userId: string) => sql`(
  select m.role from memberships m where m.organization_id = ${organizationId}::uuid and m.user_id = ${userId}::uuid)`

const selectActorRole = ({ organizationId, actorId }: Between) =>
  actorId === null ? sql`'owner'::text` : selectRole(organizationId, actorId)

/** Whether the organization has the new role. */
const isRole = ({ organizationId, to }: Between) =>
  to === null ? sql`true` : sql`${selectPermissions(sql`${organizationId}::uuid`, sql`${to}::text`)} is not null`

/** Whether the actor may take away the target's current role and assign the new one. */
function mayChange(between: Between) {
  const organizationId = sql`${between.organizationId}::uuid`
  const actor = selectActorRole(between)
  const take = isGivableBy(organizationId, actor, selectRole(between.organizationId, between.targetId))
  return between.to === null ? take : sql`(${take} and ${isGivableBy(organizationId, actor, sql`${between.to}::text`)})`
}

const hasOtherOwner = ({ organizationId, targetId }: Between) => sql`exists (
  select 1 from memberships m join users u on u.id = m.user_id and u.is_active
  where m.organization_id = ${organizationId}::uuid and m.user_id <> ${targetId}::uuid and m.role = 'owner')`

const isActive = (userId: string) => sql`exists (
  select 1 from users u where u.id = ${userId}::uuid and u.is_active)`

export interface FoundStanding extends Standing {
  readonly isTargetActive: boolean
}

/** Reads everything that a change between two members depends on. */
export async function selectStanding(db: Database, between: Between): Promise<FoundStanding> {
  const { organizationId, targetId } = between
  const { rows } = await db.execute<
    Record<'actor' | 'target', Role | null> & Record<'is_role' | 'may_change' | 'other_owner' | 'active', boolean>
  >(sql`
    select ${selectActorRole(between)} as actor, ${selectRole(organizationId, targetId)} as target,
      ${isRole(between)} as is_role, ${mayChange(between)} as may_change,
      ${hasOtherOwner(between)} as other_owner, ${isActive(targetId)} as active`)
  const found = rows[0]
  if (!found) throw new Error('the standing of a member was not answered')
  const { actor, target, is_role, may_change, other_owner, active } = found
  return {
    actor,
    target,
    isRole: is_role,
    mayChange: may_change,
    hasOtherOwner: other_owner,
    isTargetActive: active,
  }
}

/** Whether the standing still holds, at this point of the batch. */
export const stillStands = (between: Between, standing: FoundStanding) => sql`(
  ${selectActorRole(between)} is not distinct from ${standing.actor}::text
  and ${selectRole(between.organizationId, between.targetId)} is not distinct from ${standing.target}::text
  and ${isRole(between)} = ${standing.isRole}::boolean
  and ${mayChange(between)} = ${standing.mayChange}::boolean
  and ${hasOtherOwner(between)} = ${standing.hasOtherOwner}::boolean
  and ${isActive(between.targetId)} = ${standing.isTargetActive}::boolean)`

export function updateRole(db: Database, organizationId: string, userId: string, role: Role) {
  return db.update(memberships).set({ role }).where(isMembership(organizationId, userId))
}

export function deleteMembership(db: Database, organizationId: string, userId: string) {
  return db.delete(memberships).where(isMembership(organizationId, userId))
}
