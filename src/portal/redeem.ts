import type * as z from 'zod'
import { audited } from '../audit/record.ts'
import { PORTAL_TOKEN_SECONDS, signPortalToken } from '../auth/portal-token.ts'
import type { PortalPrincipal } from '../auth/principal.ts'
import type { Permission } from '../auth/roles.ts'
import type { Config } from '../config.ts'
import { requireThat, tryBatch } from '../db/batch.ts'
import { lockPortalSession } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { sha256 } from '../lib/bytes.ts'
import { enforceRateLimits, networkAddress } from '../limits/endpoint-limits.ts'
import { Problem } from '../problems.ts'
import { findByToken, findUse, isRedeemable, markUsed, type PortalSession } from './queries.ts'
import type { PortalAccess, Redemption } from './schemas.ts'

/** How long after the exchange its answer is repeated. */
const REPEAT_MS = 60_000

/**
 * Exchanges the token of a link for an access token of the portal, once. Of concurrent attempts, one succeeds: they
 * queue for the row's lock. A repeat by the one who succeeded, which the verifier shows, gets the same answer for a minute.
 *
 * @throws Problem `portal_link_invalid`, the same for every reason; `rate_limited`
 */
export async function redeem(
  deps: ManagementDeps,
  { token, verifier }: z.output<typeof Redemption>,
): Promise<z.output<typeof PortalAccess>> {
  await enforceRateLimits(deps, { portal_redeem_address: { address: networkAddress(deps) } })
  const tokenHash = sha256(token)
  const session = await findByToken(deps.db, tokenHash)
  if (!session) throw new Problem('portal_link_invalid')
  const now = deps.now()
  const verifierHash = verifier === undefined ? undefined : sha256(verifier)
  const usedAt = await useLink(deps, session, { tokenHash, verifierHash, now })
  return {
    access_token: await signPortalToken(deps.config, toClaims(session), usedAt),
    token_type: 'bearer',
    expires_in: PORTAL_TOKEN_SECONDS - Math.max(0, Math.floor((now - usedAt) / 1_000)),
    organization_id: session.organizationId,
    organization_name: session.organizationName,
    scopes: session.scopes as Permission[],
    return_url: session.returnUrl,
    branding: describeBranding(deps.config),
  }
}

interface LinkUse {
  readonly tokenHash: Uint8Array
  readonly verifierHash: Uint8Array | undefined
  readonly now: number
}

/** @returns when the link was used: now, or by the try that this one repeats */
async function useLink(deps: ManagementDeps, session: PortalSession, use: LinkUse): Promise<number> {
  const { id, organizationId } = session
  const { tokenHash, verifierHash } = use
  const now = new Date(use.now)
  const done = await tryBatch(deps.db, {
    lock: lockPortalSession(deps.db, { organizationId, id }),
    valid: requireThat(deps.db, isRedeemable(organizationId, tokenHash, now)),
    audit: audited(deps, {
      action: 'portal.session_redeemed',
      actor: toPrincipal(session),
      organizationId,
      target: { type: 'portal_session', id },
    }),
    use: markUsed(deps.db, { organizationId, id, at: now, verifierHash }),
  })
  if (done) return use.now
  const since = new Date(use.now - REPEAT_MS)
  const usedAt = verifierHash && (await findUse(deps.db, { organizationId, tokenHash, verifierHash }, { since, now }))
  if (usedAt === undefined) throw new Problem('portal_link_invalid')
  return usedAt
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
