import type { Deps } from '../deps.ts'
import { ACCESS_PREFIX } from '../verification/key-format.ts'
import { holdsScope } from '../verification/rules.ts'
import { verifyWithRecord } from '../verification/verify.ts'
import { type Presented, readPresented } from './clients/authenticate.ts'
import { OAuthError } from './error.ts'

interface From {
  readonly requestId: string
  readonly ip: string | undefined
}

/**
 * For programs that support only OAuth (RFC 6749 §4.4): an API key acts as client credentials, with its id as the `client_id` and the key as the
 * `client_secret`. The token is the key, which is verified, limited and revoked like any other; no second secret is created.
 *
 * @throws OAuthError `invalid_client`, `invalid_scope`, `invalid_target`, `unauthorized_client` for the token of an application
 */
export async function exchangeKey(deps: Deps, presented: Presented, { requestId, ip }: From) {
  const { id, secret } = readPresented(presented)
  if (id === undefined || secret === undefined)
    throw new OAuthError('invalid_client', 'client_id is the id of an API key, client_secret the key.')
  const request = { key: secret, cost: 0, scopes: [], ip }
  const { verdict, record } = await verifyWithRecord(deps, request, { requestId, isUnrecorded: true })
  if (!verdict.valid || record?.keyId !== id)
    throw new OAuthError('invalid_client', 'The key is not valid, or client_id is not its id.')
  if (secret.startsWith(`${ACCESS_PREFIX}_`))
    throw new OAuthError('unauthorized_client', 'The token of an application is no client credentials.')
  requireHeld(presented.form, record.scopes)
  return {
    access_token: secret,
    token_type: 'Bearer',
    scope: record.scopes.join(' '),
    ...(record.expiresAt !== undefined && { expires_in: Math.floor((record.expiresAt - deps.now()) / 1_000) }),
  }
}

/** A key is for all of its scopes, and for no resource in particular (RFC 8707 §2). */
function requireHeld({ scope = '', resource }: Presented['form'], held: readonly string[]): void {
  if (resource !== undefined)
    throw new OAuthError('invalid_target', 'A key is not for one resource: leave out resource.')
  const unheld = scope.split(' ').find((one) => one !== '' && !holdsScope(held, one))
  if (unheld !== undefined) throw new OAuthError('invalid_scope', `The key does not have the scope ${unheld}.`)
}
