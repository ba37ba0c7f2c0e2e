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
  deleteTwoFactor,
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

/** An act of administration on an account, and why it is done. */
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

/** The audit entry of such an act. */
export function toEntry(action: AuditAction, { operator, userId, reason }: OnUser) {
  return {
    action,
    actor: operator,
    target: { type: 'user', id: userId },
    detail: { ...(reason !== undefined && { reason }) },
  } as const
}

/**
 * Disables an account: its sessions end at once, and so do the keys of organizations that have no other active member.
 * Keys of organizations that others act for go on: they belong to the organization. Doing so twice is no error.
 *
 * @throws Problem `user_not_found`, `own_account`, `administrator_protected` for the last active administrator
 */
export async function disableUser(deps: ManagementDeps, request: OnUser): Promise<UserView> {
  const { operator, userId } = request
  if (operator.kind === 'user' && userId === operator.userId) throw new Problem('own_account')
  const user = await getUser(deps, userId)
  protectAdministrators(operator, user)
  if (!user.isActive) {
    // a repeat announces it as well: the first may have failed after it was committed
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

/** A back end has no power over those who have power over it. @throws Problem `administrator_protected` */
function protectAdministrators(operator: Operator, { isAdministrator }: UserView): void {
  if (operator.kind === 'service' && isAdministrator) throw new Problem('administrator_protected')
}

/** Enables an account again, and with it the organizations that were suspended for want of an active member. */
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
      published(deps, organizationsEvent('organization.resumed', memberless, { reason: null })), // while they are so
      ...statesPublished(deps, memberless),
    ],
    resumed: resumeMemberless(deps.db, userId),
    mail: mail.insert,
  })
  await invalidateOrganizations(deps, resumed)
  mail.send()
  return getUser(deps, userId)
}

/** Ends every session of a user, and what applications may do for them. @throws Problem `user_not_found`, `administrator_protected` for a service key */
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
 * Takes a user's second factor away, after they proved by other means who they are, and ends every session.
 *
 * @throws Problem `user_not_found`, `own_account`, `two_factor_not_enabled`
 */
export async function resetTwoFactor(deps: ManagementDeps, request: OnUser<UserPrincipal>): Promise<void> {
  if (request.userId === request.operator.userId) throw new Problem('own_account') // `2fa/disable` asks for a code
  const user = await getUser(deps, request.userId)
  if (!user.hasTwoFactor) throw new Problem('two_factor_not_enabled')
  const mail = notice(deps, user, 'two_factor_reset_by_admin')
  await runBatch(deps.db, {
    found: requireThat(deps.db, isSomebody(request.userId), 'user_not_found'),
    audit: audited(deps, toEntry('admin.two_factor_reset', request)),
    factor: deleteTwoFactor(deps.db, request.userId),
    sessions: endSessions(deps.db, request.userId, 'two_factor_changed', new Date(deps.now())),
    mail: mail.insert,
    answer: await keepAnswer(deps, 204, null),
  })
  mail.send()
}
