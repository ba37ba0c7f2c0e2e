import { openSupportSession, SUPPORT_SECONDS } from '../../accounts/sessions/support.ts'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import type { ManagementDeps } from '../../deps.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { getUser, type OnUser, toEntry } from './actions.ts'
import { mayBeImpersonated } from './queries.ts'

/**
 * Opens a short session in which an administrator acts as a user, for support. Its token names the administrator, it
 * cannot be extended, and no route lets it change credentials or security settings.
 *
 * @throws Problem `user_not_found`, `administrator_protected`, `user_disabled`
 */
export async function impersonate(deps: ManagementDeps, request: OnUser<UserPrincipal>) {
  const user = await getUser(deps, request.userId)
  if (user.isAdministrator) throw new Problem('administrator_protected')
  if (!user.isActive) throw new Problem('user_disabled')
  const session = await openSupportSession(deps, request.userId, request.operator.userId)
  const mail = notice(deps, user, 'support_session')
  const entry = toEntry('admin.impersonated', request)
  const answer = { access_token: session.accessToken, token_type: 'bearer' as const, expires_in: SUPPORT_SECONDS }
  await runBatch(deps.db, {
    allowed: requireThat(deps.db, mayBeImpersonated(request.userId), 'administrator_protected'),
    audit: audited(deps, {
      ...entry,
      organizationId: session.organizationId,
      detail: { ...entry.detail, session_id: session.id },
    }),
    session: session.insert,
    mail: mail.insert,
    answer: await keepAnswer(deps, 200, answer),
  })
  mail.send()
  return answer
}
