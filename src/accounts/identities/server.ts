import * as oauth from 'oauth4webapi'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { findTargetFlaw } from '../../events/target-rules.ts'
import { createLru } from '../../lib/lru.ts'
import { VERSION } from '../../version.ts'

/** How long a provider's metadata is cached. */
const METADATA_MS = 3_600_000

interface Known {
  readonly server: oauth.AuthorizationServer
  readonly until: number
  /** Its keys: a cache that oauth4webapi fills, and reloads if a key is missing. */
  readonly keys: oauth.JWKSCacheInput
}

/** This isolate's cache of provider metadata, by issuer. */
const known = createLru<Known>(20)

/** A provider did not respond, or responded with a server error. */
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

interface Target {
  /** The provider's URL. */
  readonly address: string
  readonly isOfCustomer: boolean
}

/** The size limit for responses of a customer's provider; the largest known metadata and key sets are about 20 kB. */
const MAX_ANSWER_BYTES = 200_000

/**
 * The same for a provider that a customer named. Refuses addresses that are not public, even if they come from its metadata
 * (SSRF, ASVS 1.3.6), and bounds its responses.
 *
 * @throws ProviderUnreachable; an error for an address that is not public
 */
const reachWarily =
  ({ config }: ManagementDeps) =>
  async (url: string, options: object): Promise<Response> => {
    const flaw = findTargetFlaw(url, config.PUBLIC_URL)
    if (flaw) throw new Error(`An address of the provider ${flaw}.`)
    const response = await reach(url, options)
    return new Response(response.body?.pipeThrough(limit(MAX_ANSWER_BYTES)) ?? null, response)
  }

/** Passes at most `most` bytes; more cause an error for the reader. */
function limit(most: number): TransformStream<Uint8Array, Uint8Array> {
  let length = 0
  return new TransformStream({
    transform(chunk, controller) {
      length += chunk.length
      if (length > most) controller.error(new Error(`The answer has more than ${most} bytes.`))
      else controller.enqueue(chunk)
    },
  })
}

/** Options for every request to a provider. Plain HTTP works only on the same machine: provider settings allow no other. */
export function requestOptions(deps: ManagementDeps, { address, isOfCustomer }: Target) {
  return {
    signal: () => AbortSignal.timeout(deps.config.SIGN_IN_TIMEOUT_MS),
    headers: { 'User-Agent': `Tollgate/${VERSION}` },
    [oauth.customFetch]: isOfCustomer ? reachWarily(deps) : reach,
    [oauth.allowInsecureRequests]: address.startsWith('http:'),
  }
}

/**
 * Loads a provider's endpoints and keys: by OpenID Connect Discovery 1.0, or GitHub's documented ones.
 *
 * @throws the error of the request, or of oauth4webapi for an invalid response
 */
export async function openServer(deps: ManagementDeps, provider: SignInProvider): Promise<Known> {
  if (provider.protocol === 'github') return { server: describeGitHub(provider), until: 0, keys: {} }
  const { issuer } = provider
  const now = deps.now()
  const kept = known.get(issuer)
  if (kept && kept.until > now) return kept
  const options = requestOptions(deps, { address: issuer, isOfCustomer: provider.isOfCustomer ?? false })
  const response = await oauth.discoveryRequest(new URL(issuer), options)
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
