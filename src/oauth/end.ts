import { noticeTo } from '../accounts/two-factor/code.ts'
import { audited } from '../audit/record.ts'
import type { Principal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { revokeWith } from '../keys/revoke.ts'
import { log } from '../lib/log.ts'
import { findGrant } from './queries.ts'

type Reason = 'revoked_by_user' | 'revoked_by_application' | 'refresh_token_reused' | 'code_reused'

/** Ends a grant: its access token is refused within 2 s, and it can no longer be renewed. Idempotent. */
export async function endGrant(deps: ManagementDeps, id: string, reason: Reason, actor?: Principal): Promise<void> {
  const found = await findGrant(deps.db, id)
  if (!found) return
  const { organizationId, userId, clientId } = found.grant
  const isTheft = reason.endsWith('_reused')
  const row = audited(deps, {
    action: 'grant.revoked',
    actor,
    organizationId,
    target: { type: 'grant', id },
    detail: { reason, user_id: userId, client_id: clientId },
    ...(isTheft && { result: 'failure' as const }),
  })
  if (!isTheft || !found.isLive) return void (await revokeWith(deps, { organizationId, id }, row))
  const mail = await noticeTo(deps, userId, 'application_ended')
  if (!(await revokeWith(deps, { organizationId, id }, row, [mail.insert]))) return // a concurrent repeat has already sent the notice
  log('warn', 'oauth_token_reused', { grant_id: id, reason })
  mail.send()
}
