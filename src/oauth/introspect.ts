import type { ManagementDeps } from '../deps.ts'
import { sha256 } from '../lib/bytes.ts'
import { type ClientRow, presentedId } from './clients/queries.ts'
import { endGrant } from './end.ts'
import { findAccess, findGrant } from './queries.ts'
import { isAuthentic, parseRefreshToken } from './tokens.ts'

/** Returns the current state of an access token (RFC 7662 §2.2). For any token that is not active, it returns only that. */
export async function introspect(deps: ManagementDeps, token: string) {
  const found = await findAccess(deps.db, sha256(token))
  if (!found?.isLive || (found.expiresAt?.getTime() ?? 0) <= deps.now()) return { active: false }
  const { grant, scopes, expiresAt, client } = found
  return {
    active: true,
    scope: scopes.join(' '),
    client_id: presentedId(client),
    token_type: 'Bearer',
    exp: Math.floor((expiresAt?.getTime() ?? 0) / 1_000),
    iat: Math.floor(grant.refreshedAt.getTime() / 1_000),
    sub: grant.userId,
    iss: deps.config.PUBLIC_URL,
    jti: grant.id,
    organization_id: grant.organizationId,
    ...(grant.resource !== null && { aud: grant.resource }),
  }
}

/** An application revokes a token (RFC 7009 §2): the whole grant ends. The response reveals nothing about tokens of others. */
export async function revokeToken(deps: ManagementDeps, client: ClientRow, token: string): Promise<void> {
  const id = (await findRefreshed(deps, token)) ?? (await findAccess(deps.db, sha256(token)))?.grant.id
  const found = id === undefined ? undefined : await findGrant(deps.db, id)
  if (id !== undefined && found?.grant.clientId === client.id) await endGrant(deps, id, 'revoked_by_application')
}

/** The grant of an authentic refresh token, however old. */
async function findRefreshed(deps: ManagementDeps, token: string): Promise<string | undefined> {
  const parsed = parseRefreshToken(token)
  const found = parsed && (await findGrant(deps.db, parsed.grantId))
  return parsed && found && isAuthentic(deps.config, found.grant, parsed) ? found.grant.id : undefined
}
