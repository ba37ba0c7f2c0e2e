import type { JWK } from 'jose'
import { fetchJson } from '../../http/fetch-json.ts'

/** An issuer has a few keys of a kilobyte or two. */
const MAX_BYTES = 256 * 1024
const MAX_KEYS = 100

/** An issuer's keys at one point in time. Times in Unix milliseconds. */
export interface FetchedKeys {
  readonly jwks: readonly JWK[]
  readonly fetchedAt: number
  readonly freshUntil: number
  /** The imported ones, by algorithm and kid. */
  readonly imported: Map<string, CryptoKey>
}

/**
 * Fetches a JWK set (RFC 7517 §5). The address is the operator's own setting, and nothing of the response reaches a client.
 *
 * @param now in Unix milliseconds
 * @throws Error when there is no response in time, or the response is not a JWK set
 */
export async function fetchKeySet(url: string, timeoutMs: number, now: number): Promise<FetchedKeys> {
  const accept = 'application/jwk-set+json, application/json'
  const { content, freshSeconds } = await fetchJson(url, { accept, timeoutMs, maxBytes: MAX_BYTES })
  return { jwks: readKeys(content), fetchedAt: now, freshUntil: now + freshSeconds * 1000, imported: new Map() }
}

/** Drops entries that are not objects or have no kid: no token can refer to them. */
function readKeys(set: unknown): JWK[] {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error('It answered with no JWK set.')
  return keys.filter((key): key is JWK => typeof key === 'object' && key !== null && typeof key.kid === 'string')
}
