import * as oauth from 'oauth4webapi'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { openServer } from './server.ts'

/** The path of the redirect URI that is registered at each provider. */
export const CALLBACK_PATH = '/account/sign-in'

export const callbackUrl = ({ config }: ManagementDeps) => `${config.PUBLIC_URL}${CALLBACK_PATH}`

/** The secrets of a sign-in attempt, which the provider returns or checks. */
export interface Secrets {
  /** Returned in the ID token (OpenID Connect Core 1.0 §3.1.2.1). */
  readonly nonce: string
  /** The PKCE verifier (RFC 7636). */
  readonly verifier: string
}

export const newSecrets = (): Secrets => ({
  nonce: oauth.generateRandomNonce(),
  verifier: oauth.generateRandomCodeVerifier(),
})

/** Only the scopes for a person's identity and address. */
const SCOPES = { oidc: 'openid email profile', github: 'read:user user:email' } as const

interface PageSecrets extends Secrets {
  readonly state: string
  /** The address of the expected user. */
  readonly loginHint?: string | undefined
}

/**
 * Builds the URL of a provider's sign-in page (RFC 6749 §4.1.1, with PKCE).
 *
 * @throws the error of the request for the provider's metadata
 */
export async function authorizationUrl(
  deps: ManagementDeps,
  provider: SignInProvider,
  { state, nonce, verifier, loginHint }: PageSecrets,
): Promise<string> {
  const { server } = await openServer(deps, provider)
  if (!server.authorization_endpoint) throw new Error('The metadata have no authorization endpoint.')
  const url = new URL(server.authorization_endpoint)
  const parameters = {
    client_id: provider.clientId,
    redirect_uri: callbackUrl(deps),
    response_type: 'code',
    scope: SCOPES[provider.protocol],
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...(provider.protocol === 'oidc' && { nonce }),
    ...(loginHint !== undefined && { login_hint: loginHint }),
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return url.href
}
