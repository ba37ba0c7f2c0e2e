import type * as z from 'zod'
import type { AuditAction } from '../../audit/actions.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, randomBytes, sha256 } from '../../lib/bytes.ts'
import { Problem } from '../../problems.ts'
import { buildLockSteps } from '../lock-steps.ts'
import { hasRole, requireRole } from '../roles/role.ts'
import { SCIM_PATH } from '../scim/resource.ts'
import { settleRoles } from '../scim/roles.ts'
import { isDirectory } from '../scim/user-queries.ts'
import {
  type DirectoryRow,
  type DirectoryView,
  deleteDirectory,
  findDirectory,
  findGroup,
  type GroupRef,
  type GroupView,
  isOwnGroup,
  updateRole,
  updateToken,
  upsertDirectory,
} from './queries.ts'
import type { Directory, DirectoryGroup } from './schemas.ts'

/** Serializes a directory. */
export const toDirectory = ({ config }: ManagementDeps, row: DirectoryView): z.output<typeof Directory> => ({
  base_url: `${config.PUBLIC_URL}${SCIM_PATH}`,
  default_role: row.defaultRole,
  has_token: row.hasToken,
  user_count: row.users,
  group_count: row.groups,
  last_used_at: row.lastUsedAt?.toISOString() ?? null,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})

export const toGroup = ({ members, createdAt, updatedAt, ...rest }: GroupView): z.output<typeof DirectoryGroup> => ({
  ...rest,
  member_count: members,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

/** @throws Problem `directory_not_found` */
export async function getDirectory(deps: ManagementDeps, organizationId: string): Promise<DirectoryView> {
  const row = await findDirectory(deps.db, organizationId)
  if (!row) throw new Problem('directory_not_found')
  return row
}

/** Sets up an organization's directory, or changes the default role that it assigns. */
export async function putDirectory(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  defaultRole: DirectoryRow['defaultRole'],
): Promise<DirectoryView> {
  const { db } = deps
  await runBatch(db, {
    ...buildLockSteps(deps, user, organizationId, 'owners:write'),
    audit: acted(deps, user, organizationId, { action: 'directory.configured', detail: { default_role: defaultRole } }),
    directory: upsertDirectory(db, { organizationId, defaultRole }, new Date(deps.now())),
  })
  await settleRoles(deps, organizationId)
  return getDirectory(deps, organizationId)
}

/** Creates a token that replaces the previous one, which stops working at once. @throws Problem `directory_not_found` */
export async function renewToken(deps: ManagementDeps, user: UserPrincipal, organizationId: string): Promise<string> {
  const { db } = deps
  const token = `scim_${base64url(randomBytes(32))}`
  await runBatch(db, {
    ...buildLockSteps(deps, user, organizationId, 'owners:write'),
    there: requireThat(db, isDirectory(organizationId), 'directory_not_found'),
    audit: acted(deps, user, organizationId, { action: 'directory.token_renewed', detail: {} }),
    token: updateToken(db, organizationId, sha256(token), new Date(deps.now())),
  })
  return token
}

/** Deletes all data that the directory sent. Its users stay members, with their roles. @throws Problem `directory_not_found` */
export async function removeDirectory(deps: ManagementDeps, user: UserPrincipal, organizationId: string) {
  const { db } = deps
  await runBatch(db, {
    ...buildLockSteps(deps, user, organizationId, 'owners:write'),
    there: requireThat(db, isDirectory(organizationId), 'directory_not_found'),
    audit: acted(deps, user, organizationId, { action: 'directory.removed', detail: {} }),
    directory: deleteDirectory(db, organizationId),
  })
}

/** Changes the role that a group's members get. @throws Problem `directory_group_not_found`, `role_not_found` */
export async function changeGroup(
  deps: ManagementDeps,
  user: UserPrincipal,
  ref: GroupRef,
  role: GroupView['role'],
): Promise<GroupView> {
  const { db } = deps
  const before = await findGroup(db, ref)
  if (!before) throw new Problem('directory_group_not_found')
  if (role !== null) await requireRole(deps, ref.organizationId, role)
  const detail = { group: ref.id, name: before.name, from: before.role, to: role }
  await runBatch(db, {
    ...buildLockSteps(deps, user, ref.organizationId, 'owners:write'),
    there: requireThat(db, isOwnGroup(ref), 'directory_group_not_found'),
    ...(role !== null && { known: requireThat(db, hasRole(ref.organizationId, role), 'role_not_found') }),
    audit: acted(deps, user, ref.organizationId, { action: 'directory.group_changed', detail }),
    group: updateRole(db, ref, role, new Date(deps.now())),
  })
  await settleRoles(deps, ref.organizationId)
  return { ...before, ...(await findGroup(db, ref)) }
}

interface DirectoryChange {
  readonly action: AuditAction & `directory.${string}`
  readonly detail: Readonly<Record<string, unknown>>
}

const acted = (
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  { action, detail }: DirectoryChange,
) =>
  audited(deps, {
    action,
    actor: user,
    organizationId,
    target: { type: 'organization', id: organizationId },
    detail,
  })
