import { audited } from '../../audit/record.ts'
import type { ManagementDeps } from '../../deps.ts'
import { notice } from '../../mail/notice.ts'
import { eraseAccount } from '../../privacy/delete-account.ts'
import { Problem } from '../../problems.ts'
import { getUser, type OnUser, toEntry } from './actions.ts'

/**
 * Deletes an account permanently: the user, all sessions, and a personal organization that belongs only to them. The audit log and
 * usage totals stay; the user is notified by email.
 *
 * @throws Problem `user_not_found`; `administrator_protected` for an administrator; `last_owner`, `subscription_active`
 *   naming the organizations
 */
export async function deleteUser(deps: ManagementDeps, request: OnUser): Promise<void> {
  const user = await getUser(deps, request.userId)
  if (user.isAdministrator) throw new Problem('administrator_protected')
  const mail = notice(deps, user, 'account_deleted')
  const entry = audited(deps, toEntry('admin.user_deleted', request))
  await eraseAccount(deps, user.id, [entry, mail.insert], 'user_not_found')
  mail.send()
}
