import { requireThat, tryBatch } from '../db/batch.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { base64url, equalBytes, sha256 } from '../lib/bytes.ts'
import { listSecrets } from '../lib/seal.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'
import { describeKey } from '../verification/key-format.ts'
import { toAnswer } from './answer.ts'
import type { ClientRow } from './clients/queries.ts'
import { createGrant } from './create-grant.ts'
import { endGrant } from './end.ts'
import { OAuthError } from './error.ts'
import {
  type CodeRow,
  type FoundGrant,
  findCode,
  findGrant,
  isRenewable,
  isUnused,
  mayStillGrant,
  renewGrant,
  selectVersion,
  useCode,
} from './queries.ts'
import { ACCESS_MS, computeEnd, deriveTokens, isAuthentic, parseRefreshToken, type RefreshToken } from './tokens.ts'

type Form = Readonly<Record<string, string>>

const REFUSED = 'The code is unknown, used, expired or of another application, or its proof is wrong.'
const ENDED = 'The refresh token is unknown, or what it stood for has ended.'

/**
 * Issues tokens for an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6). A second use of a code revokes the tokens of the first use, because one
 * of the two was not the application (§4.1.2).
 *
 * @throws OAuthError `invalid_grant`, `invalid_target`
 */
export async function exchangeCode(deps: ManagementDeps, client: ClientRow, form: Form) {
  const codeHash = sha256(form.code ?? '')
  const code = await findCode(deps.db, codeHash)
  if (!code || code.clientId !== client.id || !isProven(code, form)) throw new OAuthError('invalid_grant', REFUSED)
  if (code.grantId !== null) await endGrant(deps, code.grantId, 'code_reused')
  if (code.grantId !== null || code.expiresAt.getTime() <= deps.now()) throw new OAuthError('invalid_grant', REFUSED)
  requireTarget(form, code.resource)
  const use = { isUnused: isUnused(codeHash), mark: (grantId: string) => useCode(deps.db, codeHash, grantId) }
  const answer = await createGrant(deps, { client, agreed: code, use })
  if (!answer) throw new OAuthError('invalid_grant', REFUSED)
  return answer
}

function isProven({ codeChallenge, redirectUri }: CodeRow, form: Form): boolean {
  const verifier = form.code_verifier ?? ''
  const isSame = form.redirect_uri === undefined || form.redirect_uri === redirectUri
  return isSame && /^[\w.~-]{43,128}$/.test(verifier) && base64url(sha256(verifier)) === codeChallenge
}

/** @throws OAuthError `invalid_target` for a resource other than the one consented to */
function requireTarget({ resource }: Form, agreed: string | null): void {
  if (resource !== undefined && resource !== agreed)
    throw new OAuthError('invalid_target', 'The resource is not the one that was agreed to.')
}

/**
 * Issues new tokens for a refresh token, which works once (RFC 9700 §4.14.2). As long as its successor is unused, the response may have
 * been lost: for `REFRESH_REPEAT_SECONDS` the token repeats it, later it gets other tokens in their place. An older token, or a replaced
 * one, is used by somebody else as well, and the grant ends: otherwise a thief could follow the application from token to token.
 *
 * @throws OAuthError `invalid_grant`, `invalid_scope`, `invalid_target`
 */
export async function refreshGrant(deps: ManagementDeps, client: ClientRow, form: Form) {
  const token = parseRefreshToken(form.refresh_token ?? '')
  const found = token && (await findGrant(deps.db, token.grantId))
  if (!token || !found || !isRefreshable(deps, client, { token, found })) throw new OAuthError('invalid_grant', ENDED)
  requireTarget(form, found.grant.resource)
  requireScopes(form, found.scopes)
  const { generation } = found.grant
  const presented = token.generation
  if (presented >= generation) return renew(deps, client, found, { presented, next: presented + 1 }) // newer than a restored database
  if (isPredecessor(found, presented)) {
    if (isRecent(deps, found)) return repeat(deps, client, found)
    return renew(deps, client, found, { presented, next: generation + 2 })
  }
  await endGrant(deps, found.grant.id, 'refresh_token_reused')
  throw new OAuthError('invalid_grant', ENDED)
}

/**
 * Whether the latest tokens were issued for this refresh token. A replacement skips a number, so that the number before the latest is never a
 * replaced successor's: it is the predecessor also of tokens that an earlier version of the code issued, which did not store it.
 */
const isPredecessor = ({ grant: { generation, predecessor } }: FoundGrant, presented: number) =>
  presented === predecessor || presented === generation - 1

const isRecent = ({ config, now }: ManagementDeps, { grant }: FoundGrant) =>
  now() - grant.refreshedAt.getTime() <= config.REFRESH_REPEAT_SECONDS * 1_000

interface Refreshing {
  readonly token: RefreshToken
  readonly found: FoundGrant
}

function isRefreshable(
  deps: ManagementDeps,
  client: ClientRow,
  { token, found: { grant, isLive } }: Refreshing,
): boolean {
  const isTheirs = grant.clientId === client.id && isAuthentic(deps.config, grant, token)
  return isTheirs && isLive && grant.expiresAt.getTime() > deps.now()
}

/** The response names the token's scopes, which are all that was consented to, even if fewer are requested (RFC 6749 §5.1, §6). */
function requireScopes({ scope }: Form, granted: readonly string[]): void {
  const unknown = (scope ?? '').split(' ').find((one) => one !== '' && !granted.includes(one))
  if (unknown !== undefined) throw new OAuthError('invalid_scope', `The scope ${unknown} was not agreed to.`)
}

interface Renewal {
  /** The number of the refresh token that was presented. */
  readonly presented: number
  /** The number of the tokens to issue. */
  readonly next: number
}

async function renew(
  deps: ManagementDeps,
  client: ClientRow,
  { grant, scopes }: FoundGrant,
  { presented, next }: Renewal,
) {
  const { db, config } = deps
  const { id, organizationId, userId } = grant
  const now = deps.now()
  const tokens = deriveTokens(config.SECRET_KEY, grant, next)
  const done = await tryBatch(db, {
    lock: lockOrganization(db, organizationId),
    unchanged: requireThat(db, isRenewable(grant)),
    allowed: requireThat(db, mayStillGrant(organizationId, userId, scopes)),
    renewed: renewGrant(db, grant, {
      generation: next,
      predecessor: presented,
      keyHash: sha256(tokens.access),
      keyHint: describeKey(tokens.access),
      keyExpiresAt: new Date(now + ACCESS_MS),
      refreshedAt: new Date(now),
      expiresAt: computeEnd(grant.createdAt.getTime(), now),
    }),
  })
  if (!done) return afterRace(deps, client, grant.id, next)
  const version = await selectVersion(db, organizationId, id)
  if (version !== undefined) await publishVersion(deps, keyVersionKey(id), version)
  return toAnswer(client, tokens, { scopes, seconds: ACCESS_MS / 1_000 })
}

/** A concurrent request with the same token came first, and both get the same response. Or the user has lost the right to consent. */
async function afterRace(deps: ManagementDeps, client: ClientRow, id: string, generation: number) {
  const found = await findGrant(deps.db, id)
  if (!found?.isLive || found.grant.generation !== generation) throw new OAuthError('invalid_grant', ENDED)
  return repeat(deps, client, found)
}

/** Repeats a lost response. If the root secret was rotated since, only the secret that derived the tokens derives them again. */
export function repeat(deps: ManagementDeps, client: ClientRow, { grant, scopes, keyHash, keyExpiresAt }: FoundGrant) {
  const derived = listSecrets(deps.config).map((secret) => deriveTokens(secret, grant, grant.generation))
  const tokens = derived.find(({ access }) => equalBytes(sha256(access), keyHash))
  if (!tokens) throw new OAuthError('invalid_grant', ENDED)
  const left = (keyExpiresAt?.getTime() ?? 0) - deps.now()
  return toAnswer(client, tokens, { scopes, seconds: Math.max(0, Math.floor(left / 1_000)) })
}
