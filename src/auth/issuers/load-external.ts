import type { TrustedIssuer } from '../../config-issuers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256Hex } from '../../lib/bytes.ts'
import type { ExternalPrincipal } from '../principal.ts'
import { selectMemberOrganization } from '../queries.ts'
import type { TokenFlaw } from './rules.ts'
import { verifyIssuerToken } from './verify.ts'

/**
 * The principal of a trusted issuer's token: its signature and claims are verified, and the organization it names is read
 * each time, so that a suspension applies from the next request on.
 *
 * @returns the reason if the token is refused; `organization_unknown` when no organization has the `external_id`
 *   that it names
 * @throws Problem `issuer_unavailable`
 */
export async function loadExternal(
  deps: ManagementDeps,
  issuer: TrustedIssuer,
  token: string,
): Promise<ExternalPrincipal | TokenFlaw | 'organization_unknown'> {
  const claims = await verifyIssuerToken(deps, issuer, token)
  if (typeof claims === 'string') return claims
  const organization = await selectMemberOrganization(deps.db, claims.externalId)
  if (!organization) return 'organization_unknown'
  const { issuer: name, subject, role } = claims
  return { kind: 'external', id: externalUserId(claims), issuer: name, subject, role, ...organization }
}

/** A UUIDv8 (RFC 9562 §5.8) derived from issuer and user: the same person is always the same actor. */
function externalUserId({ issuer, subject }: { issuer: string; subject: string }): string {
  const hex = sha256Hex(JSON.stringify([issuer, subject]))
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
