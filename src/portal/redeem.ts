import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import { PORTAL_TOKEN_SECONDS, signPortalToken } from '../auth/portal-token.ts'
import type { PortalPrincipal } from '../auth/principal.ts'
import type { Permission } from '../auth/roles.ts'
import type { Config } from '../config.ts'
import { requireThat, runBatch } from '../db/batch.ts'
import { lockPortalSession } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { sha256 } from '../lib/bytes.ts'
import { enforceRateLimits, networkAddress } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { findByToken, isRedeemable, markUsed, type PortalSession } from './queries.ts'
import type { PortalAccess } from './schemas.ts'

/**
 * Exchanges the token of a link for an access token of the portal, once. Of concurrent attempts, one succeeds: they
 * queue for the row's lock.
 *
 * @throws Problem `portal_link_invalid`, the same for every reason; `rate_limited`
 */
export async function redeem(deps: ManagementDeps, token: string): Promise<z.output<typeof PortalAccess>> {
  await enforceRateLimits(deps, { portal_redeem_address: { address: networkAddress(deps) } })
  const tokenHash = sha256(token)
  const session = await findByToken(deps.db, tokenHash)
  if (!session) throw new Problem('portal_link_invalid')
  const { id, organizationId } = session
  const now = deps.now()
  await runBatch(deps.db, {
    lock: lockPortalSession(deps.db, { organizationId, id }),
    valid: requireThat(deps.db, isRedeemable(organizationId, tokenHash, new Date(now)), 'portal_link_invalid'),
    audit: audited(deps, {
      action: 'portal.session_redeemed',
      actor: toPrincipal(session),
      organizationId,
      target: { type: 'portal_session', id },
    }),
    use: markUsed(deps.db, organizationId, id, new Date(now)),
  })
  return {
    access_token: await signPortalToken(deps.config, toClaims(session), now),
    token_type: 'bearer',
    expires_in: PORTAL_TOKEN_SECONDS,
    organization_id: organizationId,
    scopes: session.scopes as Permission[],
    return_url: session.returnUrl,
    branding: describeBranding(deps.config),
  }
}

const toPrincipal = (session: PortalSession): PortalPrincipal => ({
  kind: 'portal',
  sessionId: session.id,
  organizationId: session.organizationId,
  serviceKeyId: session.serviceKeyId,
  scopes: session.scopes as Permission[],
  onBehalfOf: session.onBehalfOf,
})

const toClaims = ({ id, organizationId, serviceKeyId, scopes, onBehalfOf }: PortalSession) => ({
  sub: id,
  org: organizationId,
  key: serviceKeyId,
  scopes: scopes as Permission[],
  ...(onBehalfOf !== null && { for: onBehalfOf }),
})

export const describeBranding = ({ BRAND_NAME, BRAND_COLOR, BRAND_LOGO_URL }: Config) => ({
  name: BRAND_NAME ?? null,
  color: BRAND_COLOR ?? null,
  logo_url: BRAND_LOGO_URL ?? null,
})
