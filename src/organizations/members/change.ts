import { requireOwner } from '../../accounts/passwords/reauthenticate.ts'
import type { AuditAction } from '../../audit/actions.ts'
import { audited } from '../../audit/record.ts'
import { actsAsOperator } from '../../auth/organization-access.ts'
import type { Manager, UserPrincipal } from '../../auth/principal.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, runBatch, type Statement, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import type { ManagementDeps } from '../../deps.ts'
import { endApplications } from '../../keys/applications.ts'
import { Problem } from '../../problems.ts'
import { requirePresent, requireProtected } from '../admin-two-factor.ts'
import { insertRemoved } from '../domains/queries.ts'
import { noticeTo } from '../notice.ts'
import { getOwnOrganization } from '../organization.ts'
import { leaveSessions } from '../queries.ts'
import { unknownRole } from '../roles/role.ts'
import {
  type Between,
  deleteMembership,
  type FoundStanding,
  findMember,
  type MemberView,
  selectStanding,
  stillStands,
  updateRole,
} from './queries.ts'
import { findRefusal } from './rules.ts'

const DETAILS = {
  forbidden:
    'Your role does not allow this. Nobody gives or takes a role that allows more than their own; only owners change owners.',
  last_owner: 'The organization must have another owner first.',
} as const

interface Change {
  readonly action: AuditAction
  readonly manager: Manager
  readonly between: Between
  readonly isLeaving?: boolean
  readonly effects: readonly Statement[]
}

/**
 * Changes a member's role, effective from their next request. Idempotent.
 *
 * @throws Problem `forbidden`, `last_owner`, `member_not_found`, `role_not_found`; `reauthentication_required` for the platform
 *   organization
 */
export async function changeRole(
  deps: ManagementDeps,
  manager: Manager,
  { organizationId, userId, role }: { readonly organizationId: string; readonly userId: string; readonly role: Role },
): Promise<MemberView> {
  requirePresent(deps, manager, organizationId)
  const between = { organizationId, actorId: readActorId(manager, organizationId), targetId: userId, to: role }
  const effects = [updateRole(deps.db, organizationId, userId, role)]
  await change(deps, { action: 'member.role_changed', manager, between, effects })
  const member = await findMember(deps.db, organizationId, userId)
  if (!member) throw new Problem('member_not_found')
  return member
}

/**
 * Removes a member from an organization, or lets them leave. Their sessions switch to another of their organizations at
 * once. Keys that they issued belong to the organization and keep working.
 *
 * @throws Problem `forbidden`, `last_owner`, `member_not_found`
 */
export async function removeMember(
  deps: ManagementDeps,
  manager: Manager,
  { organizationId, userId }: { readonly organizationId: string; readonly userId: string },
): Promise<void> {
  const isLeaving = manager.kind === 'user' && userId === manager.userId
  await change(deps, {
    action: isLeaving ? 'member.left' : 'member.removed',
    manager,
    between: { organizationId, actorId: readActorId(manager, organizationId), targetId: userId, to: null },
    isLeaving,
    effects: [
      deleteMembership(deps.db, organizationId, userId),
      leaveSessions(deps.db, organizationId, userId),
      endApplications(deps, userId, organizationId),
      ...(isLeaving ? [] : [insertRemoved(deps.db, organizationId, userId, new Date(deps.now()))]),
    ],
  })
}

/**
 * Makes another member an owner, and the calling owner an admin.
 *
 * @throws Problem `reauthentication_required`, `wrong_password`; `own_account`; `member_not_found`, also for a member
 *   whose account is disabled
 */
export async function transferOwnership(
  deps: ManagementDeps,
  user: UserPrincipal,
  organizationId: string,
  { user_id, password }: { readonly user_id: string; readonly password?: string | undefined },
): Promise<void> {
  if (user_id === user.userId) throw new Problem('own_account')
  requireProtected(deps, user, organizationId)
  await requireOwner(deps, user, password)
  const { name } = await getOwnOrganization(deps, user, organizationId)
  const member = await findMember(deps.db, organizationId, user_id)
  if (!member?.isActive) throw new Problem('member_not_found')
  const mail = noticeTo(deps, member, 'transferred', { organization: name })
  await change(deps, {
    action: 'organization.transferred',
    manager: user,
    between: { organizationId, actorId: user.userId, targetId: user_id, to: 'owner' },
    effects: [
      updateRole(deps.db, organizationId, user_id, 'owner'),
      updateRole(deps.db, organizationId, user.userId, 'admin'),
      mail.insert,
    ],
  })
  mail.send()
}

/** The operator needs no role in the organization. */
const readActorId = (manager: Manager, organizationId: string) =>
  manager.kind === 'service' || actsAsOperator(manager, 'members:write', organizationId) ? null : manager.userId

const ENDINGS: ReadonlySet<string> = new Set(['member.removed', 'member.left'])

/** If the target is not a member, the first request may have failed after its commit: end the applications' access again. */
async function endAgain(deps: ManagementDeps, { between: { organizationId, targetId } }: Change): Promise<void> {
  await runBatch(deps.db, { applications: endApplications(deps, targetId, organizationId) })
}

/** Optimistic: decides from a read, writes under the lock only if the read still holds, else retries. */
async function change(deps: ManagementDeps, what: Change): Promise<void> {
  await retryUntilDone(async () => {
    const standing = await selectStanding(deps.db, what.between)
    if (standing.target === null && ENDINGS.has(what.action)) await endAgain(deps, what)
    requireAllowed(standing, what)
    if (what.action === 'member.role_changed' && standing.target === what.between.to) return true
    return doUnderLock(deps, what, standing)
  })
}

function requireAllowed(standing: FoundStanding, { action, between, isLeaving }: Change): void {
  const code = findRefusal(standing, between.to, isLeaving)
  // The old owner steps down, so a new owner who cannot sign in would leave the organization without one.
  if (!code && action === 'organization.transferred' && !standing.isTargetActive) throw new Problem('member_not_found')
  if (!code) return
  if (code === 'role_not_found') throw unknownRole()
  throw new Problem(code, code in DETAILS ? { detail: DETAILS[code as keyof typeof DETAILS] } : {})
}

async function doUnderLock(
  deps: ManagementDeps,
  { action, manager, between, effects }: Change,
  standing: FoundStanding,
) {
  const { organizationId, targetId, to } = between
  return tryBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    unchanged: requireThat(deps.db, stillStands(between, standing)),
    audit: audited(deps, {
      action,
      actor: manager,
      organizationId,
      target: { type: 'user', id: targetId },
      detail: { from: standing.target, ...(to && { to }) },
    }),
    effects,
  })
}
