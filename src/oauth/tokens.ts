import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { base64url, equalBytes, fromBase64, utf8 } from '../lib/bytes.ts'
import { listSecrets, type RootSecrets } from '../lib/seal.ts'
import { ACCESS_PREFIX, buildKey } from '../verification/key-format.ts'

/** How long an access token works. A user who loses a right loses it in applications after this time at the latest. */
export const ACCESS_MS = 15 * 60_000
/** A grant that is not renewed for this long ends. */
const IDLE_MS = 60 * 24 * 3_600_000
/** A grant of this age ends, however often it was renewed: the person must consent again (ASVS 10.4.8). */
const ABSOLUTE_MS = 365 * 24 * 3_600_000

/** When a grant that is renewed now ends. Times in Unix milliseconds. */
export const computeEnd = (createdAt: number, now: number) => new Date(Math.min(now + IDLE_MS, createdAt + ABSOLUTE_MS))

const REFRESH_TOKEN = /^ort_([0-9a-f]{32})_(0|[1-9]\d{0,8})_([\w-]{43})$/

/** The inputs from which the tokens of a grant are derived. */
export interface Lineage {
  readonly id: string
  readonly salt: Uint8Array
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
}

/**
 * The tokens of a grant after this many renewals: keyed hashes of its id, its salt and the number. So no token is stored, and a
 * lost response can be repeated.
 */
export function deriveTokens(secret: string, lineage: Lineage, generation: number): Tokens {
  const access = buildKey(ACCESS_PREFIX, 'live', digest(secret, 'access', lineage, generation))
  const id = lineage.id.replaceAll('-', '')
  const refresh = `ort_${id}_${generation}_${base64url(digest(secret, 'refresh', lineage, generation))}`
  return { access, refresh }
}

function digest(secret: string, use: 'access' | 'refresh', { id, salt }: Lineage, generation: number): Uint8Array {
  const key = sha256(utf8(`oauth-${use}:${secret}`))
  return hmac(sha256, key, new Uint8Array([...salt, ...utf8(`${id}:${generation}`)]))
}

/** The content of a refresh token; {@link isAuthentic} checks whether it is genuine. */
export interface RefreshToken {
  readonly grantId: string
  readonly generation: number
  readonly proof: string
}

export function parseRefreshToken(token: string): RefreshToken | undefined {
  const [, id, generation, proof] = REFRESH_TOKEN.exec(token) ?? []
  if (id === undefined || generation === undefined || proof === undefined) return undefined
  const grantId = id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  return { grantId, generation: Number(generation), proof }
}

/** Whether a refresh token was issued here for this grant, under any of the root secrets. */
export function isAuthentic(secrets: RootSecrets, lineage: Lineage, { generation, proof }: RefreshToken): boolean {
  const presented = fromBase64(proof)
  return listSecrets(secrets).some((secret) => equalBytes(digest(secret, 'refresh', lineage, generation), presented))
}
