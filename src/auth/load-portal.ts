import type { ManagementDeps } from '../deps.ts'
import { verifyPortalToken } from './portal-token.ts'
import type { PortalPrincipal } from './principal.ts'
import { isPortalOpen } from './queries.ts'

/**
 * Loads the principal of a portal token as of now. The organization and the service key that made the session are read
 * each time, so that a suspension or a revocation applies from the next request on.
 *
 * @returns `undefined` for any other token, and once the session is over
 */
export async function loadPortal(deps: ManagementDeps, token: string): Promise<PortalPrincipal | undefined> {
  const now = deps.now()
  const claims = await verifyPortalToken(deps.config, token, now)
  if (!claims) return undefined
  const { sub: sessionId, org: organizationId, key: serviceKeyId, scopes } = claims
  if (!(await isPortalOpen(deps.db, { organizationId, serviceKeyId }, new Date(now)))) return undefined
  return { kind: 'portal', sessionId, organizationId, serviceKeyId, scopes, onBehalfOf: claims.for ?? null }
}
