import type { ManagementDeps } from '../deps.ts'
import { sha256 } from '../lib/bytes.ts'
import { findRefusal, type KeyState } from '../verification/rules.ts'
import { type ClientRow, presentedId } from './clients/queries.ts'
import { endGrant } from './end.ts'
import { findAccess, findGrant } from './queries.ts'
import { isAuthentic, parseRefreshToken } from './tokens.ts'

/**
 * Returns the current state of an access token (RFC 7662 §2.2), decided by the rules of the verdict; for any token that is not
 * active, only that. An API key is a token as well (client-credentials.ts): it is its own client and subject. Nobody says where
 * it is used, so a key with an IP allowlist is not active here.
 */
export async function introspect(deps: ManagementDeps, token: string) {
  const found = await findAccess(deps.db, sha256(token))
  if (!found || findRefusal(toState(found), { scopes: [] }, deps.now())) return { active: false }
  const { id, organizationId, scopes, expiresAt } = found
  return {
    active: true,
    scope: scopes.join(' '),
    token_type: 'Bearer',
    ...(expiresAt && { exp: toSeconds(expiresAt) }),
    iss: deps.config.PUBLIC_URL,
    jti: id,
    organization_id: organizationId,
    ...describeHolder(found),
  }
}

type Access = NonNullable<Awaited<ReturnType<typeof findAccess>>>

function describeHolder({ id, grant, client, createdAt }: Access) {
  if (!grant || !client) return { client_id: id, sub: id, iat: toSeconds(createdAt) }
  const { userId, refreshedAt, resource } = grant
  const iat = toSeconds(refreshedAt)
  return { client_id: presentedId(client), sub: userId, iat, ...(resource !== null && { aud: resource }) }
}

const toState = ({ isActive, revokedAt, expiresAt, isSuspended, allowedIps, scopes }: Access): KeyState => ({
  isActive,
  revokedAt: revokedAt?.getTime(),
  expiresAt: expiresAt?.getTime(),
  suspended: isSuspended,
  allowedIps: allowedIps ?? undefined,
  scopes,
})

const toSeconds = (at: Date) => Math.floor(at.getTime() / 1_000)

/** An application revokes a token (RFC 7009 §2): the whole grant ends. The response reveals nothing about tokens of others. */
export async function revokeToken(deps: ManagementDeps, client: ClientRow, token: string): Promise<void> {
  const id = (await findRefreshed(deps, token)) ?? (await findAccess(deps.db, sha256(token)))?.grant?.id
  const found = id === undefined ? undefined : await findGrant(deps.db, id)
  if (id !== undefined && found?.grant.clientId === client.id) await endGrant(deps, id, 'revoked_by_application')
}

/** The grant of an authentic refresh token, however old. */
async function findRefreshed(deps: ManagementDeps, token: string): Promise<string | undefined> {
  const parsed = parseRefreshToken(token)
  const found = parsed && (await findGrant(deps.db, parsed.grantId))
  return parsed && found && isAuthentic(deps.config, found.grant, parsed) ? found.grant.id : undefined
}
