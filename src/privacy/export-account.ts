import type * as z from 'zod'
import { listOwnIdentities } from '../accounts/identities/link.ts'
import { listOwnPasskeys } from '../accounts/passkeys/own.ts'
import { getOwnProfile } from '../accounts/user.ts'
import { toCustomersAuditLog } from '../audit/audit-log.ts'
import { audited } from '../audit/record.ts'
import type { UserPrincipal } from '../auth/principal.ts'
import type { ManagementDeps } from '../deps.ts'
import { toApiKey } from '../keys/api-key.ts'
import { enforceRateLimits } from '../limits/endpoint-limits.ts'
import { type Everything, selectEverythingAbout } from './queries.ts'
import type { Export } from './schemas.ts'

/**
 * Exports everything that is stored about a user, without secrets and their hashes.
 *
 * @throws Problem `rate_limited`
 */
export async function exportAccount(deps: ManagementDeps, user: UserPrincipal): Promise<z.output<typeof Export>> {
  await enforceRateLimits(deps, { account_export: { account: user.userId } })
  await audited(deps, {
    action: 'account.exported',
    actor: user,
    organizationId: user.organizationId,
    target: { type: 'user', id: user.userId },
  })
  const profile = await getOwnProfile(deps, user)
  const identities = await listOwnIdentities(deps, user)
  const passkeys = await listOwnPasskeys(deps, user)
  const { belongsTo, directories, devices, keys, acts, usage } = await selectEverythingAbout(deps.db, user.userId)
  return {
    exported_at: new Date(deps.now()).toISOString(),
    profile,
    memberships: belongsTo.map(({ organizationId, organizationName, role, createdAt }) => ({
      organization_id: organizationId,
      organization_name: organizationName,
      role,
      created_at: createdAt.toISOString(),
    })),
    directories: directories.map(({ organizationId, userName, externalId, attributes, createdAt }) => ({
      organization_id: organizationId,
      user_name: userName,
      external_id: externalId,
      attributes: { ...attributes },
      created_at: createdAt.toISOString(),
    })),
    identities,
    passkeys,
    sessions: devices.map(toSession),
    api_keys: keys.map(toApiKey),
    audit_logs: acts.map(toCustomersAuditLog),
    usage: usage.map(toMonth),
  }
}

function toSession(row: Everything['devices'][number]) {
  return {
    id: row.id,
    ip: row.ip,
    user_agent: row.userAgent,
    created_at: row.createdAt.toISOString(),
    last_used_at: row.lastUsedAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
    end_reason: row.endReason,
    is_support: row.impersonatorId !== null,
  }
}

function toMonth(row: Everything['usage'][number]) {
  return {
    organization_id: row.organizationId,
    month: row.month.toISOString().slice(0, 7),
    requests: row.requests,
    api_calls: row.apiCalls,
    queries: row.queries,
    tokens: row.tokens,
    errors: row.errors,
    cost_usd: row.chargeUsd,
  }
}
