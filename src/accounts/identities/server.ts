import * as oauth from 'oauth4webapi'
import type { SignInProvider } from '../../config-providers.ts'
import type { ManagementDeps } from '../../deps.ts'
import { findTargetFlaw } from '../../events/target-rules.ts'
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

interface Target {
  /** Of the provider. */
  readonly address: string
  readonly isOfCustomer: boolean
}

/** An answer of a customer's provider is at most so long; the largest known metadata and key sets have some 20 kB. */
const MAX_ANSWER_BYTES = 200_000

/**
 * The same for a provider that a customer named: nothing that only Tollgate can reach is asked, also not where its metadata say
 * so (ASVS 1.3.6), and its answers are bounded.
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

/** Lets at most so many bytes pass; more are an error for the reader. */
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

/** Options of each request to a provider. Plain HTTP is for one on the same machine alone: what names providers allows no other. */
export function requestOptions(deps: ManagementDeps, { address, isOfCustomer }: Target) {
  return {
    signal: () => AbortSignal.timeout(deps.config.SIGN_IN_TIMEOUT_MS),
    headers: { 'User-Agent': `Tollgate/${VERSION}` },
    [oauth.customFetch]: isOfCustomer ? reachWarily(deps) : reach,
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
