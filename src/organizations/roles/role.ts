import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { selectPermissions } from '../../auth/role-permissions.ts'
import { isBuiltIn, type Permission, permissionsOfRole, type Role } from '../../auth/roles.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { findRole, type RoleRef, type RoleRow } from './queries.ts'
import type { Role as RoleSchema } from './schemas.ts'

/** Serializes a custom role. */
export const toRole = (row: RoleRow, members: number): z.output<typeof RoleSchema> => ({
  name: row.name,
  description: row.description,
  permissions: [...permissionsOfRole(row.name, row.permissions)],
  is_built_in: false,
  member_count: members,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})

/** @returns the permissions of the role in a request body @throws Problem `role_not_found` */
export async function requireRole(
  deps: ManagementDeps,
  organizationId: string,
  role: Role,
): Promise<readonly Permission[]> {
  if (isBuiltIn(role)) return permissionsOfRole(role, null)
  const row = await findRole(deps.db, { organizationId, name: role })
  if (!row) throw unknownRole()
  return permissionsOfRole(role, row.permissions)
}

/** The organization does not have the role in the request body. */
export const unknownRole = () =>
  new Problem('role_not_found', { errors: [{ path: 'body.role', message: 'is no role of the organization' }] })

/** @throws Problem `role_not_found` */
export async function getRole({ db }: ManagementDeps, ref: RoleRef): Promise<RoleRow> {
  const row = await findRole(db, ref)
  if (!row) throw new Problem('role_not_found')
  return row
}

/** Whether the organization has a role, at this point of the batch. */
export const hasRole = (organizationId: string, role: Role) =>
  sql`${selectPermissions(sql`${organizationId}::uuid`, sql`${role}::text`)} is not null`
