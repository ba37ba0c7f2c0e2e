import { audited } from '../audit/record.ts'
import { requireThat, tryBatch } from '../db/batch.ts'
import { lockOrganization } from '../db/locks.ts'
import type { ManagementDeps } from '../deps.ts'
import { base64url, equalBytes, randomBytes, sha256 } from '../lib/bytes.ts'
import { listSecrets } from '../lib/seal.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { keyVersionKey } from '../limits/limit-request.ts'
import { publishVersion } from '../limits/versions.ts'
import { describeKey } from '../verification/key-format.ts'
import { endGrant } from './end.ts'
import { OAuthError } from './error.ts'
import {
  type ClientRow,
  type CodeRow,
  type FoundGrant,
  findCode,
  findGrant,
  insertGrant,
  isRenewable,
  isUnused,
  keepClient,
  mayStillGrant,
  renewGrant,
  selectVersion,
  useCode,
} from './queries.ts'
import {
  ACCESS_MS,
  computeEnd,
  deriveTokens,
  isAuthentic,
  parseRefreshToken,
  type RefreshToken,
  type Tokens,
} from './tokens.ts'

type Form = Readonly<Record<string, string>>

const REFUSED = 'The code is unknown, used, expired or of another application, or its proof is wrong.'
const ENDED = 'The refresh token is unknown, or what it stood for has ended.'

/**
 * Tokens for an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.6). A second use of a code ends what the first one got: one of
 * the two was not the application (§4.1.2).
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
  const { tokens } = await createGrant(deps, client, code)
  return answer(client, tokens, { scopes: code.scopes, seconds: ACCESS_MS / 1_000 })
}

function isProven({ codeChallenge, redirectUri }: CodeRow, form: Form): boolean {
  const verifier = form.code_verifier ?? ''
  const isSame = form.redirect_uri === undefined || form.redirect_uri === redirectUri
  return isSame && /^[\w.~-]{43,128}$/.test(verifier) && base64url(sha256(verifier)) === codeChallenge
}

/** @throws OAuthError `invalid_target` for another resource than the one that was agreed to */
function requireTarget({ resource }: Form, agreed: string | null): void {
  if (resource !== undefined && resource !== agreed)
    throw new OAuthError('invalid_target', 'The resource is not the one that was agreed to.')
}

async function createGrant(deps: ManagementDeps, client: ClientRow, code: CodeRow) {
  const { db, config } = deps
  const { organizationId, userId, codeHash, scopes, resource } = code
  const now = new Date(deps.now())
  const grant = {
    id: uuidv7(now.getTime()),
    organizationId,
    userId,
    clientId: client.id,
    resource,
    salt: randomBytes(16),
    generation: 0,
    createdAt: now,
    refreshedAt: now,
    expiresAt: client.refreshes ? computeEnd(now.getTime(), now.getTime()) : new Date(now.getTime() + ACCESS_MS),
  }
  const tokens = deriveTokens(config.SECRET_KEY, grant, 0)
  const done = await tryBatch(db, {
    lock: lockOrganization(db, organizationId),
    unused: requireThat(db, isUnused(codeHash)),
    allowed: requireThat(db, mayStillGrant(organizationId, userId, scopes)),
    audit: audited(deps, {
      action: 'grant.created',
      actor: userId,
      organizationId,
      target: { type: 'grant', id: grant.id },
      detail: { client_id: client.id, client_name: client.name, scopes, resource },
    }),
    grant: insertGrant(db, {
      grant,
      name: client.name,
      scopes,
      keyHash: sha256(tokens.access),
      keyHint: describeKey(tokens.access),
      expiresAt: new Date(now.getTime() + ACCESS_MS),
    }),
    code: useCode(db, codeHash, grant.id),
    client: keepClient(db, client.id),
  })
  if (!done) throw new OAuthError('invalid_grant', REFUSED)
  return { tokens }
}

/**
 * New tokens for a refresh token, which works once (RFC 9700 §4.14.2). The one before the present repeats its answer, since that
 * may have been lost. An older one is in the hands of somebody else as well: the grant ends.
 *
 * @throws OAuthError `invalid_grant`, `invalid_scope`, `invalid_target`
 */
export async function refreshGrant(deps: ManagementDeps, client: ClientRow, form: Form) {
  const token = parseRefreshToken(form.refresh_token ?? '')
  const found = token && (await findGrant(deps.db, token.grantId))
  if (!token || !found || !isRefreshable(deps, client, { token, found })) throw new OAuthError('invalid_grant', ENDED)
  requireTarget(form, found.grant.resource)
  requireScopes(form, found.scopes)
  const behind = found.grant.generation - token.generation
  if (behind <= 0) return renew(deps, client, found, token.generation) // ahead of a database that was restored
  if (behind === 1) return repeat(deps, client, found)
  await endGrant(deps, found.grant.id, 'refresh_token_reused')
  throw new OAuthError('invalid_grant', ENDED)
}

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

/** The answer names what the token can do, which is all that was agreed to, also if less is asked (RFC 6749 §5.1, §6). */
function requireScopes({ scope }: Form, granted: readonly string[]): void {
  const unknown = (scope ?? '').split(' ').find((one) => one !== '' && !granted.includes(one))
  if (unknown !== undefined) throw new OAuthError('invalid_scope', `The scope ${unknown} was not agreed to.`)
}

async function renew(deps: ManagementDeps, client: ClientRow, { grant, scopes }: FoundGrant, presented: number) {
  const { db, config } = deps
  const { id, organizationId, userId } = grant
  const now = deps.now()
  const tokens = deriveTokens(config.SECRET_KEY, grant, presented + 1)
  const done = await tryBatch(db, {
    lock: lockOrganization(db, organizationId),
    unchanged: requireThat(db, isRenewable(grant)),
    allowed: requireThat(db, mayStillGrant(organizationId, userId, scopes)),
    renewed: renewGrant(db, grant, {
      generation: presented + 1,
      keyHash: sha256(tokens.access),
      keyHint: describeKey(tokens.access),
      keyExpiresAt: new Date(now + ACCESS_MS),
      refreshedAt: new Date(now),
      expiresAt: computeEnd(grant.createdAt.getTime(), now),
    }),
  })
  if (!done) return afterRace(deps, client, grant.id, presented + 1)
  const version = await selectVersion(db, organizationId, id)
  if (version !== undefined) await publishVersion(deps, keyVersionKey(id), version)
  return answer(client, tokens, { scopes, seconds: ACCESS_MS / 1_000 })
}

/** Another request with the same token was first: both get the same answer. Or whoever agreed may not do so any more. */
async function afterRace(deps: ManagementDeps, client: ClientRow, id: string, generation: number) {
  const found = await findGrant(deps.db, id)
  if (!found?.isLive || found.grant.generation !== generation) throw new OAuthError('invalid_grant', ENDED)
  return repeat(deps, client, found)
}

/** The tokens that a lost answer had. The root secret may have been rotated since: only the one that made them makes them again. */
function repeat(deps: ManagementDeps, client: ClientRow, { grant, scopes, keyHash, keyExpiresAt }: FoundGrant) {
  const derived = listSecrets(deps.config).map((secret) => deriveTokens(secret, grant, grant.generation))
  const tokens = derived.find(({ access }) => equalBytes(sha256(access), keyHash))
  if (!tokens) throw new OAuthError('invalid_grant', ENDED)
  const left = (keyExpiresAt?.getTime() ?? 0) - deps.now()
  return answer(client, tokens, { scopes, seconds: Math.max(0, Math.floor(left / 1_000)) })
}

interface Access {
  readonly scopes: readonly string[]
  readonly seconds: number
}

const answer = ({ refreshes }: ClientRow, { access, refresh }: Tokens, { scopes, seconds }: Access) => ({
  access_token: access,
  token_type: 'Bearer',
  expires_in: seconds,
  scope: scopes.join(' '),
  ...(refreshes && { refresh_token: refresh }),
})
