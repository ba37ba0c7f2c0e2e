import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import type { AuditAction } from '../../audit/actions.ts'
import { audited } from '../../audit/record.ts'
import { actsAsOperator, requireHoldsAll } from '../../auth/organization-access.ts'
import type { Manager } from '../../auth/principal.ts'
import { mayDo } from '../../auth/role-permissions.ts'
import { BUILT_IN_ROLES, isBuiltIn, type Permission, permissionsOfRole, ROLES } from '../../auth/roles.ts'
import { requireThat, runBatch, type Statement, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import { isPlatform } from '../../db/conditions.ts'
import { lockOrganization } from '../../db/locks.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { settleRoles } from '../scim/roles.ts'
import {
  countByRole,
  countUses,
  deleteRole,
  hasRoom,
  insertRole,
  isUnchanged,
  isUnused,
  listOwnRoles,
  type RoleRef,
  type RoleRow,
  updateRole,
} from './queries.ts'
import { getRole, toRole } from './role.ts'
import type { NewRole, Role, RoleUpdate } from './schemas.ts'

const MAX_ROLES = 50

/** Lists the built-in roles, the least powerful first, then the organization's custom roles by name. */
export async function listRoles({ db }: ManagementDeps, organizationId: string): Promise<z.output<typeof Role>[]> {
  const [own, counts] = await Promise.all([listOwnRoles(db, organizationId), countByRole(db, organizationId)])
  const members = new Map(counts.map((one) => [one.role, one.members]))
  const builtIn = BUILT_IN_ROLES.map((name) => ({
    name,
    description: null,
    permissions: [...ROLES[name]],
    is_built_in: true,
    member_count: members.get(name) ?? 0,
    created_at: null,
    updated_at: null,
  }))
  return [...builtIn, ...own.map((row) => toRole(row, members.get(row.name) ?? 0))]
}

/**
 * Creates a custom role. The platform organization has none: the power of its members over other organizations is derived from
 * its built-in roles.
 *
 * @throws Problem `forbidden` if it allows more than the role of its creator, `role_exists`, `role_limit_reached`,
 *   `platform_organization`
 */
export async function createRole(
  deps: ManagementDeps,
  manager: Manager,
  organizationId: string,
  { name, description, permissions }: z.output<typeof NewRole>,
): Promise<RoleRow> {
  requireHoldsAll(manager, organizationId, permissions)
  const at = new Date(deps.now())
  const row: RoleRow = { organizationId, name, description, permissions, createdAt: at, updatedAt: at }
  const answer = await keepAnswer(deps, 201, toRole(row, 0))
  try {
    await runBatch(deps.db, {
      ...asGiver(deps, manager, organizationId, permissions),
      customer: requireThat(deps.db, sql`not ${isPlatform(organizationId)}`, 'platform_organization'),
      room: requireThat(deps.db, hasRoom(organizationId, MAX_ROLES), 'role_limit_reached'),
      audit: roleActed(deps, manager, row, { action: 'role.created', detail: { permissions } }),
      role: insertRole(deps.db, row),
      answer,
    })
  } catch (error) {
    if (brokenConstraint(error) !== 'roles_organization_id_name_pk') throw error
    throw new Problem('role_exists', { errors: [{ path: 'body.name', message: 'is the name of another role' }] })
  }
  return row
}

/**
 * Changes a role's description and permissions, effective from the next request of each of its members.
 *
 * @throws Problem `role_not_found`, `role_built_in`, `forbidden` if its old or new permissions exceed the caller's
 */
export async function changeRole(
  deps: ManagementDeps,
  manager: Manager,
  ref: RoleRef,
  change: z.output<typeof RoleUpdate>,
): Promise<z.output<typeof Role>> {
  requireOwn(ref)
  await retryUntilDone(async () => {
    const before = await getRole(deps, ref)
    const present = permissionsOfRole(before.name, before.permissions)
    const { description = before.description, permissions = present } = change
    const needed = [...new Set([...present, ...permissions])]
    requireHoldsAll(manager, ref.organizationId, needed)
    return tryBatch(deps.db, {
      ...asGiver(deps, manager, ref.organizationId, needed),
      unchanged: requireThat(deps.db, isUnchanged(before)),
      audit: roleActed(deps, manager, ref, {
        action: 'role.updated',
        detail: { from: { description: before.description, permissions: present }, to: { description, permissions } },
      }),
      role: updateRole(deps.db, {
        ...ref,
        description,
        permissions: [...permissions],
        updatedAt: new Date(deps.now()),
      }),
    })
  })
  await settleRoles(deps, ref.organizationId)
  const { members } = await countUses(deps.db, ref, new Date(deps.now()))
  return toRole(await getRole(deps, ref), members)
}

/**
 * Deletes a role that nobody has.
 *
 * @throws Problem `role_not_found`, `role_built_in`, `role_in_use`, `forbidden` as {@link changeRole}
 */
export async function removeRole(deps: ManagementDeps, manager: Manager, ref: RoleRef): Promise<void> {
  requireOwn(ref)
  const now = new Date(deps.now())
  await retryUntilDone(async () => {
    const before = await getRole(deps, ref)
    const permissions = permissionsOfRole(before.name, before.permissions)
    requireHoldsAll(manager, ref.organizationId, permissions)
    requireNoUses(await countUses(deps.db, ref, now))
    return tryBatch(deps.db, {
      ...asGiver(deps, manager, ref.organizationId, permissions),
      unchanged: requireThat(deps.db, isUnchanged(before)),
      unused: requireThat(deps.db, isUnused(ref, now)),
      audit: roleActed(deps, manager, ref, { action: 'role.deleted', detail: { permissions } }),
      role: deleteRole(deps.db, ref),
    })
  })
}

/** @throws Problem `role_built_in` */
function requireOwn({ name }: RoleRef): void {
  if (isBuiltIn(name)) throw new Problem('role_built_in')
}

function requireNoUses(uses: Awaited<ReturnType<typeof countUses>>): void {
  const found = Object.entries(uses).filter(([, count]) => count > 0)
  if (found.length === 0) return
  const words = found.map(([what, count]) => `${count} ${count === 1 ? what.slice(0, -1) : what}`)
  const detail = `It belongs to ${LIST.format(words)}. Give them another role first.`
  throw new Problem('role_in_use', { detail })
}

const LIST = new Intl.ListFormat('en')

/** The first steps of each batch: lock the organization, and require that the manager still has all permissions of the role. */
const asGiver = (
  { db }: ManagementDeps,
  manager: Manager,
  organizationId: string,
  permissions: readonly Permission[],
) => ({
  lock: lockOrganization(db, organizationId),
  allowed:
    manager.kind === 'service' || actsAsOperator(manager, 'members:write', organizationId)
      ? undefined
      : requireThat(db, mayDo(organizationId, manager.userId, 'members:write', ...permissions), 'forbidden'),
})

interface RoleChange {
  readonly action: AuditAction & `role.${string}`
  readonly detail: Readonly<Record<string, unknown>>
}

const roleActed = (
  deps: ManagementDeps,
  actor: Manager,
  { organizationId, name: id }: RoleRef,
  { action, detail }: RoleChange,
): Statement => audited(deps, { action, actor, organizationId, target: { type: 'role', id }, detail })
