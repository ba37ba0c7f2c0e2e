import * as oauth from 'oauth4webapi'
import * as z from 'zod'
import type { GitHubProvider, OidcProvider, SignInProvider } from '../../config-providers.ts'
import type { ProvidedIdentity } from '../../db/schema/identities.ts'
import type { ManagementDeps } from '../../deps.ts'
import { callbackUrl, type Secrets } from './authorize.ts'
import { saysAddress, toEmail, toIdentity, toName } from './claims.ts'
import { openServer, reach, requestOptions } from './server.ts'

/** The maximum length of a subject (OpenID Connect Core 1.0 §2). */
const MAX_SUBJECT = 255

/**
 * Finds out who signed in at a provider. oauth4webapi makes every check: the response's issuer (RFC 9207), the code with its PKCE
 * verifier, the ID token's signature, issuer, audience, times and nonce.
 *
 * @param parameters of the callback, whose state is known
 * @throws an error of oauth4webapi or of the request
 */
export async function identify(
  deps: ManagementDeps,
  provider: SignInProvider,
  parameters: URLSearchParams,
  secrets: Secrets,
): Promise<ProvidedIdentity> {
  return provider.protocol === 'oidc'
    ? identifyByToken(deps, provider, parameters, secrets)
    : identifyAtGitHub(deps, provider, parameters, secrets)
}

async function redeemCode(
  deps: ManagementDeps,
  provider: SignInProvider,
  parameters: URLSearchParams,
  { verifier }: Secrets,
) {
  const { server, keys } = await openServer(deps, provider)
  const client = { client_id: provider.clientId }
  const isOfCustomer = provider.protocol === 'oidc' && (provider.isOfCustomer ?? false)
  const options = requestOptions(deps, { address: server.issuer, isOfCustomer })
  const checked = oauth.validateAuthResponse(server, client, parameters, parameters.get('state') ?? '')
  const methods = server.token_endpoint_auth_methods_supported
  const isByPost = methods?.includes('client_secret_post') && !methods.includes('client_secret_basic')
  const authenticate = isByPost || provider.protocol === 'github' ? oauth.ClientSecretPost : oauth.ClientSecretBasic
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    authenticate(provider.clientSecret),
    checked,
    callbackUrl(deps),
    verifier,
    options,
  )
  return { server, keys, client, options, response }
}

async function identifyByToken(
  deps: ManagementDeps,
  provider: OidcProvider,
  parameters: URLSearchParams,
  secrets: Secrets,
): Promise<ProvidedIdentity> {
  const { server, keys, client, options, response } = await redeemCode(deps, provider, parameters, secrets)
  const checks = { expectedNonce: secrets.nonce, requireIdToken: true }
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, checks)
  await requireSignature({ server, keys, options, response })
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  if (!claims || claims.sub.length > MAX_SUBJECT) throw new Error('The ID token names nobody.')
  if (saysAddress(provider, claims) || !server.userinfo_endpoint) return toIdentity(provider, claims)
  const asked = await oauth.userInfoRequest(server, client, tokens.access_token, options)
  const info = await oauth.processUserInfoResponse(server, client, claims.sub, asked)
  return toIdentity(provider, info.email === undefined ? claims : info)
}

type Redeemed = Awaited<ReturnType<typeof redeemCode>>

/**
 * An unknown key may be new, so the published keys are fetched again, once. The copies keep oauth4webapi from sharing a
 * pending fetch between requests, which workerd would cancel as hung.
 */
async function requireSignature({ server, keys, options, response }: Omit<Redeemed, 'client'>): Promise<void> {
  const validate = () =>
    oauth.validateApplicationLevelSignature({ ...server }, response, { ...options, [oauth.jwksCache]: keys })
  try {
    await validate()
  } catch (error) {
    if (!(error instanceof oauth.OperationProcessingError) || error.code !== oauth.KEY_SELECTION) throw error
    Object.assign(keys, { jwks: undefined, uat: undefined })
    await validate()
  }
}

const GitHubUser = z.object({ id: z.int().positive(), name: z.string().nullish(), login: z.string() })
const GitHubEmails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }))

/** GitHub has no ID tokens: its API returns the user of the access token. */
async function identifyAtGitHub(
  deps: ManagementDeps,
  provider: GitHubProvider,
  parameters: URLSearchParams,
  secrets: Secrets,
): Promise<ProvidedIdentity> {
  const { server, client, options, response } = await redeemCode(deps, provider, parameters, secrets)
  const { access_token: token } = await oauth.processAuthorizationCodeResponse(server, client, response)
  const read = async (path: string): Promise<unknown> => {
    const headers = { ...options.headers, Authorization: `Bearer ${token}`, Accept: 'application/vnd.github+json' }
    const answer = await reach(`${provider.apiUrl}${path}`, { headers, redirect: 'manual', signal: options.signal() })
    if (answer.ok) return answer.json()
    await answer.body?.cancel()
    throw new Error(`GitHub answered ${answer.status}.`)
  }
  const user = GitHubUser.parse(await read('/user'))
  const emails = GitHubEmails.parse(await read('/user/emails'))
  // prefer confirmed addresses, then the primary one
  const [first] = emails.toSorted((a, b) => rank(b) - rank(a))
  return {
    issuer: provider.url,
    subject: String(user.id),
    email: toEmail(first?.email),
    isEmailVerified: first?.verified ?? false,
    name: toName(user.name ?? user.login),
  }
}

const rank = ({ verified, primary }: { readonly verified: boolean; readonly primary: boolean }) =>
  (verified ? 2 : 0) + (primary ? 1 : 0)
