/** The permissions of roles, as SQL expressions. */
import { type SQL, sql } from 'drizzle-orm'
import { BUILT_IN_ROLES, type Permission, ROLES, type Role } from './roles.ts'

/** Constants from the code, with no request data. */
const BUILT_IN = sql.raw(
  BUILT_IN_ROLES.map((role) => `when '${role}' then array['${ROLES[role].join("', '")}']::text[]`).join('\n  '),
)

/**
 * The permissions of a role, as a list of texts. Null for a role that the organization does not have.
 *
 * @param organizationId an expression, as is the role
 */
export const selectPermissions = (organizationId: SQL, role: SQL) => sql`(case ${role} ${BUILT_IN}
  else (select r.permissions from roles r where r.organization_id = ${organizationId} and r.name = ${role}) end)`

/** The role of a user in an organization; null if the user is not a member. */
const roleIn = (organizationId: string, userId: string) => sql`(
  select m.role from memberships m where m.organization_id = ${organizationId}::uuid and m.user_id = ${userId}::uuid)`

/** Whether a user is a member, at this point of the batch. */
export const isMember = (organizationId: string, userId: string) => sql`exists (
  select 1 from memberships m where m.organization_id = ${organizationId}::uuid and m.user_id = ${userId}::uuid)`

/** Whether a user is a member whose role has all of these permissions, at this point of the batch. */
export const mayDo = (organizationId: string, userId: string, ...permissions: readonly Permission[]) => sql`coalesce(
  ${selectPermissions(sql`${organizationId}::uuid`, roleIn(organizationId, userId))}
    @> array(select jsonb_array_elements_text(${JSON.stringify(permissions)}::jsonb)), false)`

/**
 * Whether a role allows everything that another one allows. False if either is not a role of the organization. If somebody could give
 * a role that allows more than their own, they could get those permissions with one more request.
 *
 * @param organizationId an expression, as are the roles
 */
const allowsAllOf = (organizationId: SQL, role: SQL, other: SQL) =>
  sql`coalesce(${selectPermissions(organizationId, role)} @> ${selectPermissions(organizationId, other)}, false)`

/** Whether somebody with the role `giver` may give a role to others and take it from them. All arguments are expressions. */
export const isGivableBy = (organizationId: SQL, giver: SQL, role: SQL) => sql`(
  coalesce('members:write' = any(${selectPermissions(organizationId, giver)}), false)
  and ${allowsAllOf(organizationId, giver, role)})`

/** The same for a member, at this point of the batch. */
export const mayGive = (organizationId: string, userId: string, role: Role) =>
  isGivableBy(sql`${organizationId}::uuid`, roleIn(organizationId, userId), sql`${role}::text`)
