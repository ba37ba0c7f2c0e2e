import type * as z from 'zod'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { loadClient } from './clients/document.ts'
import type { ClientRow } from './clients/queries.ts'
import { OAuthError } from './error.ts'
import { isRegistered } from './redirect-uri.ts'
import type { AuthorizationInput } from './schemas.ts'

type Input = z.output<typeof AuthorizationInput>

/** An application that requests access, and its redirect address. */
export interface Asker {
  readonly client: ClientRow
  readonly redirectUri: string
  readonly state: string | undefined
}

/** The requested access. */
export interface Wish {
  readonly scopes: readonly string[]
  readonly resource: string | null
}

export interface ParsedRequest extends Wish {
  readonly codeChallenge: string
}

/**
 * Identifies the requesting application. If it is not certain, nobody may be redirected anywhere (RFC 6749 §4.1.2.1).
 *
 * @throws Problem `not_found` if applications are disabled; `oauth_client_unknown`, `oauth_redirect_refused`
 */
export async function identifyAsker(deps: ManagementDeps, input: Input): Promise<Asker> {
  if (Object.keys(deps.config.OAUTH_SCOPES).length === 0) throw new Problem('not_found')
  const client = await loadClient(deps, input.client_id)
  const [only, ...others] = client.redirectUris
  const redirectUri = input.redirect_uri ?? (others.length === 0 ? only : undefined)
  if (redirectUri === undefined || !isRegistered(redirectUri, client.redirectUris))
    throw new Problem('oauth_redirect_refused')
  return { client, redirectUri, state: input.state }
}

/** Reads the requested access. The application is told what is wrong with it. @throws OAuthError */
export function parseRequest(deps: ManagementDeps, input: Input): ParsedRequest {
  if (input.response_type !== 'code')
    throw new OAuthError('unsupported_response_type', 'Only response_type=code is offered.')
  if (input.code_challenge_method !== 'S256' || !/^[\w-]{43}$/.test(input.code_challenge ?? ''))
    throw new OAuthError('invalid_request', 'PKCE is required: code_challenge with code_challenge_method=S256.')
  return { ...readWish(deps, input), codeChallenge: input.code_challenge ?? '' }
}

/**
 * The requested scopes and resource. Without a scope, all scopes are requested.
 *
 * @throws OAuthError `invalid_scope`, `invalid_target`
 */
export function readWish(
  { config }: ManagementDeps,
  { scope = '', resource }: Pick<Input, 'scope' | 'resource'>,
): Wish {
  const known = Object.keys(config.OAUTH_SCOPES)
  const named = [...new Set(scope.split(' ').filter(Boolean))]
  const unknown = named.find((one) => !known.includes(one))
  if (unknown !== undefined) throw new OAuthError('invalid_scope', `There is no scope ${unknown}.`)
  return { scopes: named.length > 0 ? named : known, resource: readResource(resource) }
}

/** RFC 8707 §2: an absolute URI without a fragment. @throws OAuthError `invalid_target` */
function readResource(resource: string | undefined): string | null {
  if (resource === undefined) return null
  if (!URL.canParse(resource) || !/^https?:\/\/[!-"$-~]+$/.test(resource))
    throw new OAuthError('invalid_target', 'resource is not an absolute URI without a fragment.')
  return resource
}

/** The application's redirect address with parameters; includes the issuer, so that no other server can respond in its place (RFC 9207). */
export function answerTo(
  { config }: ManagementDeps,
  { redirectUri, state }: Asker,
  answer: Readonly<Record<string, string>>,
): string {
  const url = new URL(redirectUri)
  const fields = { ...answer, ...(state !== undefined && { state }), iss: config.PUBLIC_URL }
  for (const [name, value] of Object.entries(fields)) url.searchParams.set(name, value)
  return url.href
}
