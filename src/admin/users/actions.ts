import { removeTwoFactor } from '../../accounts/two-factor/remove.ts'
import { keepAnswer } from '../../api/idempotency.ts'
import type { AuditAction } from '../../audit/actions.ts'
import { audited } from '../../audit/record.ts'
import type { Operator, UserPrincipal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockOrganizationsAround } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { published } from '../../events/publish.ts'
import { statesPublished } from '../../events/state.ts'
import { organizationsEvent } from '../../events/subjects.ts'
import { endApplications } from '../../keys/applications.ts'
import { notice } from '../../mail/notice.ts'
import { invalidateOrganizations } from '../../organizations/invalidate.ts'
import { Problem } from '../../problems.ts'
import {
  endSessions,
  findUser,
  isDisabled,
  isSomebody,
  listMemberless,
  mayBeDisabled,
  NO_ACTIVE_MEMBERS,
  resumeMemberless,
  selectMemberless,
  setActive,
  suspendMemberless,
  type UserView,
} from './queries.ts'

/** An administrative action on an account, and its reason. */
export interface OnUser<Actor extends Operator = Operator> {
  readonly operator: Actor
  readonly userId: string
  readonly reason: string | undefined
}

/** @throws Problem `user_not_found` */
export async function getUser(deps: ManagementDeps, userId: string): Promise<UserView> {
  const user = await findUser(deps.db, userId)
  if (!user) throw new Problem('user_not_found')
  return user
}

/** Builds the audit entry of such an action. */
export function toEntry(action: AuditAction, { operator, userId, reason }: OnUser) {
  return {
    action,
    actor: operator,
    target: { type: 'user', id: userId },
    detail: { ...(reason !== undefined && { reason }) },
  } as const
}

/**
 * Disables an account: its sessions end at once, and organizations without another active member are suspended with their keys.
 * Keys of other organizations keep working: they belong to the organization. Idempotent.
 *
 * @throws Problem `user_not_found`, `own_account`, `administrator_protected` for the last active administrator
 */
export async function disableUser(deps: ManagementDeps, request: OnUser): Promise<UserView> {
  const { operator, userId } = request
  if (operator.kind === 'user' && userId === operator.userId) throw new Problem('own_account')
  const user = await getUser(deps, userId)
  protectAdministrators(operator, user)
  if (!user.isActive) {
    // invalidate on a repeat as well: the first request may have failed after its commit
    await runBatch(deps.db, { applications: endApplications(deps, userId) })
    await invalidateOrganizations(deps, await listMemberless(deps.db, userId))
    return user
  }
  const now = new Date(deps.now())
  const mail = notice(deps, user, 'account_disabled')
  const memberless = selectMemberless(userId, now)
  const { suspended } = await runBatch(deps.db, {
    lock: lockOrganizationsAround(deps.db, userId),
    allowed: requireThat(deps.db, mayBeDisabled(userId), 'administrator_protected'),
    audit: audited(deps, toEntry('admin.user_disabled', request)),
    user: setActive(deps.db, userId, false),
    sessions: endSessions(deps.db, userId, 'account_disabled', now),
    applications: endApplications(deps, userId),
    suspended: suspendMemberless(deps.db, userId, now),
    events: [
      published(deps, organizationsEvent('organization.suspended', memberless, { reason: NO_ACTIVE_MEMBERS })),
      ...statesPublished(deps, memberless),
    ],
    mail: mail.insert,
  })
  await invalidateOrganizations(deps, suspended)
  mail.send()
  return getUser(deps, userId)
}

/** A service key cannot act on administrators, who control it. @throws Problem `administrator_protected` */
function protectAdministrators(operator: Operator, { isAdministrator }: UserView): void {
  if (operator.kind === 'service' && isAdministrator) throw new Problem('administrator_protected')
}

/** Enables an account again, and resumes organizations that were suspended because they had no active members. */
export async function enableUser(deps: ManagementDeps, request: OnUser): Promise<UserView> {
  const { operator, userId } = request
  const user = await getUser(deps, userId)
  protectAdministrators(operator, user)
  if (user.isActive) return user
  const mail = notice(deps, user, 'account_enabled')
  const memberless = selectMemberless(userId)
  const { resumed } = await runBatch(deps.db, {
    lock: lockOrganizationsAround(deps.db, userId),
    disabled: requireThat(deps.db, isDisabled(userId), 'user_not_found'),
    audit: audited(deps, toEntry('admin.user_enabled', request)),
    user: setActive(deps.db, userId, true),
    events: [
      published(deps, organizationsEvent('organization.resumed', memberless, { reason: null })), // selects suspended ones
      ...statesPublished(deps, memberless),
    ],
    resumed: resumeMemberless(deps.db, userId),
    mail: mail.insert,
  })
  await invalidateOrganizations(deps, resumed)
  mail.send()
  return getUser(deps, userId)
}

/** Ends a user's sessions and applications. @throws Problem `user_not_found`, `administrator_protected` for a service key */
export async function logOutUser(deps: ManagementDeps, request: OnUser): Promise<void> {
  const user = await getUser(deps, request.userId)
  protectAdministrators(request.operator, user)
  const mail = notice(deps, user, 'sessions_ended_by_admin')
  await runBatch(deps.db, {
    found: requireThat(deps.db, isSomebody(request.userId), 'user_not_found'),
    audit: audited(deps, toEntry('admin.user_logged_out', request)),
    sessions: endSessions(deps.db, request.userId, 'ended_by_administrator', new Date(deps.now())),
    applications: endApplications(deps, request.userId),
    mail: mail.insert,
    answer: await keepAnswer(deps, 204, null),
  })
  mail.send()
}

/**
 * Removes a user's second factor, after they proved their identity by other means, and ends every session.
 *
 * @throws Problem `user_not_found`, `own_account`, `two_factor_not_enabled`
 */
export async function resetTwoFactor(deps: ManagementDeps, request: OnUser<UserPrincipal>): Promise<void> {
  if (request.userId === request.operator.userId) throw new Problem('own_account') // use `2fa/disable`, which requires a code
  const user = await getUser(deps, request.userId)
  if (!user.hasTwoFactor) throw new Problem('two_factor_not_enabled')
  const mail = notice(deps, user, 'two_factor_reset_by_admin')
  await runBatch(deps.db, {
    found: requireThat(deps.db, isSomebody(request.userId), 'user_not_found'),
    audit: audited(deps, toEntry('admin.two_factor_reset', request)),
    factor: removeTwoFactor(deps.db, request.userId),
    sessions: endSessions(deps.db, request.userId, 'two_factor_changed', new Date(deps.now())),
    mail: mail.insert,
    answer: await keepAnswer(deps, 204, null),
  })
  mail.send()
}
