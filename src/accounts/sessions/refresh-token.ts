import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import type { Config } from '../../config.ts'
import { base64url, randomBytes, utf8 } from '../../lib/bytes.ts'

/** A session that is not used for this long ends. */
export const IDLE_MS = 14 * 24 * 3_600_000
/** A session ends at this age, even if it is in use (ASVS 7.3.2). */
export const ABSOLUTE_MS = 90 * 24 * 3_600_000

/** @returns the first token of a session: 256 bits from a CSPRNG */
export function newRefreshToken(): string {
  return `rt_${base64url(randomBytes(32))}`
}

/** @returns 128 random bits that make a token's successor unpredictable, even to someone who knows the token */
export function newSalt(): Uint8Array {
  return randomBytes(16)
}

/**
 * Derives a token's successor: a keyed hash of the token and a stored salt. So only hashes are stored, and the same
 * successor can still be issued again to a client that lost the first response.
 */
export function deriveSuccessor(
  { SECRET_KEY }: Pick<Config, 'SECRET_KEY'> & Partial<Config>,
  token: string,
  salt: Uint8Array,
): string {
  const key = sha256(utf8(`refresh-token:${SECRET_KEY}`))
  return `rt_${base64url(hmac(sha256, key, new Uint8Array([...salt, ...utf8(token)])))}`
}
