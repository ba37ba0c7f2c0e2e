import type { JWK } from 'jose'
import { VERSION } from '../../version.ts'

/** How long keys are good without being asked for again, whatever their issuer says. */
const MIN_FRESH_SECONDS = 60
const MAX_FRESH_SECONDS = 3_600
/** Where it says nothing. */
const USUAL_FRESH_SECONDS = 300
/** An issuer has a few keys of a kilobyte or two. */
const MAX_BYTES = 256 * 1024
const MAX_KEYS = 100

/** An issuer's keys as they were at one moment. Times in Unix milliseconds. */
export interface FetchedKeys {
  readonly jwks: readonly JWK[]
  readonly fetchedAt: number
  readonly freshUntil: number
  /** Those that were used, by algorithm and kid. */
  readonly imported: Map<string, CryptoKey>
}

/**
 * Fetches a JWK set (RFC 7517 §5). The address is the operator's own setting; where it leads is not followed further, what
 * comes is read up to a limit, and nothing of it reaches a client.
 *
 * @param now in Unix milliseconds
 * @throws Error when there is no answer in time, or another one than a JWK set
 */
export async function fetchKeySet(url: string, timeoutMs: number, now: number): Promise<FetchedKeys> {
  const response = await fetch(url, {
    headers: { Accept: 'application/jwk-set+json, application/json', 'User-Agent': `Tollgate/${VERSION}` },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel().catch(() => undefined)
    throw new Error(`The issuer answered ${response.status}.`)
  }
  const jwks = parseKeySet(await readText(response))
  return { jwks, fetchedAt: now, freshUntil: now + readFreshSeconds(response.headers) * 1000, imported: new Map() }
}

async function readText({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let bytes = 0
  let text = ''
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_BYTES) throw new Error(`The issuer's answer has more than ${MAX_BYTES} bytes.`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Entries that are no objects or have no kid are left out: no token finds them. */
function parseKeySet(text: string): JWK[] {
  const set: unknown = parseJson(text)
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error('The issuer answered with no JWK set.')
  return keys.filter((key): key is JWK => typeof key === 'object' && key !== null && typeof key.kid === 'string')
}

/** @throws Error that does not quote the text, which the runtime's own would */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('The issuer answered with no JSON.')
  }
}

/** The time that `Cache-Control` gives (RFC 9111 §5.2.2), less what a cache on the way has used of it, within our bounds. */
function readFreshSeconds(headers: Headers): number {
  const control = headers.get('Cache-Control') ?? ''
  if (/\bno-(store|cache)\b/i.test(control)) return MIN_FRESH_SECONDS
  const maxAge = /\bmax-age="?(\d{1,10})/i.exec(control)?.[1]
  if (maxAge === undefined) return USUAL_FRESH_SECONDS
  const age = Number(/^\d{1,10}$/.exec(headers.get('Age') ?? '')?.[0] ?? 0)
  return Math.min(Math.max(Number(maxAge) - age, MIN_FRESH_SECONDS), MAX_FRESH_SECONDS)
}
