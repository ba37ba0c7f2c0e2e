import { and, asc, eq, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import { memberships, roles } from '../../db/schema/organizations.ts'

export type RoleRow = typeof roles.$inferSelect

/** Identifies one custom role of an organization. */
export interface RoleRef {
  readonly organizationId: string
  readonly name: string
}

const isRole = ({ organizationId, name }: RoleRef) =>
  and(eq(roles.organizationId, organizationId), eq(roles.name, name))

/** Lists the custom roles of an organization, by name. */
export const listOwnRoles = (db: Database, organizationId: string): Promise<RoleRow[]> =>
  db.select().from(roles).where(eq(roles.organizationId, organizationId)).orderBy(asc(roles.name))

export async function findRole(db: Database, ref: RoleRef): Promise<RoleRow | undefined> {
  const [row] = await db.select().from(roles).where(isRole(ref))
  return row
}

/** Counts the members of each role that has any. */
export const countByRole = (db: Database, organizationId: string) =>
  db
    .select({ role: memberships.role, members: sql<number>`count(*)::int` })
    .from(memberships)
    .where(eq(memberships.organizationId, organizationId))
    .groupBy(memberships.role)

export const insertRole = (db: Database, row: RoleRow) => db.insert(roles).values(row)

export const updateRole = (
  db: Database,
  { description, permissions, updatedAt, ...ref }: RoleRef & Pick<RoleRow, 'description' | 'permissions' | 'updatedAt'>,
) => db.update(roles).set({ description, permissions, updatedAt }).where(isRole(ref))

export const deleteRole = (db: Database, ref: RoleRef) => db.delete(roles).where(isRole(ref))

/** Whether an organization is below its limit of roles. Evaluated under its lock. */
export const hasRoom = (organizationId: string, most: number) => sql`(
  select count(*) from roles r where r.organization_id = ${organizationId}::uuid) < ${most}::int`

/** A list of permissions as a parameter. */
const asList = (permissions: readonly string[]) =>
  sql`array(select jsonb_array_elements_text(${JSON.stringify(permissions)}::jsonb))`

/** Whether a role is unchanged since it was read. Evaluated under the organization's lock. */
export const isUnchanged = ({ organizationId, name, permissions, description }: RoleRow) => sql`exists (
  select 1 from roles r where r.organization_id = ${organizationId}::uuid and r.name = ${name}
    and r.permissions = ${asList(permissions)} and r.description is not distinct from ${description}::text)`

/** Counts the uses of a role: members, invitations that can be accepted, and groups of the directory. */
export async function countUses(db: Database, ref: RoleRef, now: Date) {
  const { rows } = await db.execute<Record<'members' | 'invitations' | 'groups', number>>(sql`
    select (select count(*)::int ${fromMembers(ref)}) as members,
      (select count(*)::int ${fromInvitations(ref, now)}) as invitations,
      (select count(*)::int ${fromGroups(ref)}) as groups`)
  return rows[0] ?? { members: 0, invitations: 0, groups: 0 }
}

/** Whether nothing has a role. Evaluated under the organization's lock. */
export const isUnused = (ref: RoleRef, now: Date) => sql`not (
  exists (select 1 ${fromMembers(ref)}) or exists (select 1 ${fromInvitations(ref, now)}) or exists (select 1 ${fromGroups(ref)}))`

const fromMembers = ({ organizationId, name }: RoleRef) => sql`
  from memberships m where m.organization_id = ${organizationId}::uuid and m.role = ${name}`

const fromInvitations = ({ organizationId, name }: RoleRef, now: Date) => sql`
  from invitations i where i.organization_id = ${organizationId}::uuid and i.role = ${name}
    and i.accepted_at is null and i.revoked_at is null and i.expires_at > ${now.toISOString()}::timestamptz`

const fromGroups = ({ organizationId, name }: RoleRef) => sql`
  from directory_groups g where g.organization_id = ${organizationId}::uuid and g.role = ${name}`
