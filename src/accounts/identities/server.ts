import * as oauth from 'oauth4webapi'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { createLru } from '../../lib/lru.ts'
import { VERSION } from '../../version.ts'

/** How long a provider's metadata is good without being asked for again. */
const METADATA_MS = 3_600_000

interface Known {
  readonly server: oauth.AuthorizationServer
  readonly until: number
  /** Its keys; oauth4webapi fills it, and asks again for a key that is not among them. */
  readonly keys: oauth.JWKSCacheInput
}

/** By issuer. What an isolate has read of providers. */
const known = createLru<Known>(20)

/** A provider gave no answer, or said that it cannot. */
export class ProviderUnreachable extends Error {
  override readonly name = 'ProviderUnreachable'
}

/** @throws ProviderUnreachable */
export async function reach(url: string, options: object): Promise<Response> {
  const response = await fetch(url, options).catch((cause: unknown) => {
    throw new ProviderUnreachable('There was no answer.', { cause })
  })
  if (response.status < 500) return response
  await response.body?.cancel()
  throw new ProviderUnreachable(`The answer was ${response.status}.`)
}

/** Options of each request to a provider. Plain HTTP is for one on the same machine alone: the settings allow no other. */
export function requestOptions({ config }: ManagementDeps, address: string) {
  return {
    signal: () => AbortSignal.timeout(config.SIGN_IN_TIMEOUT_MS),
    headers: { 'User-Agent': `Tollgate/${VERSION}` },
    [oauth.customFetch]: reach,
    [oauth.allowInsecureRequests]: address.startsWith('http:'),
  }
}

/**
 * A provider's endpoints and keys: by OpenID Connect Discovery 1.0, or GitHub's documented ones.
 *
 * @throws the error of the request, or of oauth4webapi for an answer that is not the provider's
 */
export async function openServer(deps: ManagementDeps, provider: SignInProvider): Promise<Known> {
  if (provider.protocol === 'github') return { server: describeGitHub(provider), until: 0, keys: {} }
  const { issuer } = provider
  const now = deps.now()
  const kept = known.get(issuer)
  if (kept && kept.until > now) return kept
  const response = await oauth.discoveryRequest(new URL(issuer), requestOptions(deps, issuer))
  const server = await oauth.processDiscoveryResponse(new URL(issuer), response)
  const opened = { server, until: now + METADATA_MS, keys: kept?.keys ?? {} }
  known.set(issuer, opened)
  return opened
}

const describeGitHub = ({ url }: { readonly url: string }): oauth.AuthorizationServer => ({
  issuer: url,
  authorization_endpoint: `${url}/login/oauth/authorize`,
  token_endpoint: `${url}/login/oauth/access_token`,
})
