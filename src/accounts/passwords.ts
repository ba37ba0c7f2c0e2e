import { argon2id } from '@noble/hashes/argon2.js'
import { base64url, randomBytes } from '../lib/bytes.ts'

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane; measured at about 175 ms in workerd. */
const PARAMETERS = { m: 19_456, t: 2, p: 1 } as const
const SALT_BYTES = 16
const HASH_BYTES = 32

/** A stored hash may cost this much at most: a row that somebody tampered with must not stop the isolate. */
const MOST = { m: 65_536, t: 4, p: 1 } as const
/** And argon2 cannot work with less (RFC 9106 §3.1). */
const LEAST = { m: 8, t: 1, p: 1 } as const
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

/**
 * Hashes a password with argon2id (RFC 9106), exactly as received: no trimming, no Unicode normalisation.
 *
 * @returns a PHC string, which carries its parameters
 */
export function hashPassword(password: string): string {
  const salt = randomBytes(SALT_BYTES)
  const hash = argon2id(password, salt, { ...PARAMETERS, dkLen: HASH_BYTES })
  return `$argon2id$v=19$m=${PARAMETERS.m},t=${PARAMETERS.t},p=${PARAMETERS.p}$${base64(salt)}$${base64(hash)}`
}

/**
 * Whether this is the password of a stored hash. Without a hash it does the same work and says no, so that the time does
 * not tell whether the account exists.
 */
export function passwordMatches(password: string, stored: string | null | undefined): boolean {
  const parsed = parsePhc(stored ?? '')
  const { m, t, p, salt, hash } = parsed ?? {
    ...PARAMETERS,
    salt: new Uint8Array(SALT_BYTES),
    hash: new Uint8Array(HASH_BYTES),
  }
  const actual = argon2id(password, salt, { m, t, p, dkLen: hash.length })
  return equalBytes(actual, hash) && parsed !== undefined
}

/** The work in a stored hash, as KiB times passes; `undefined` when it is none of argon2id, or costs too much. */
export function hashCost(stored: string): number | undefined {
  const parsed = parsePhc(stored)
  return parsed && parsed.m * parsed.t
}

/** Whether a hash is weaker than a new one would be, or of another kind. */
export const isOutdated = (stored: string): boolean => (hashCost(stored) ?? 0) < PARAMETERS.m * PARAMETERS.t

function parsePhc(stored: string) {
  const match = PHC.exec(stored)
  if (!match) return undefined
  const parameters = { m: Number(match[1]), t: Number(match[2]), p: Number(match[3]) }
  const names = ['m', 't', 'p'] as const
  const texts = match.slice(4) as [salt: string, hash: string]
  if (names.some((name) => parameters[name] < LEAST[name] || parameters[name] > MOST[name])) return undefined
  if (texts.some((text) => text.length % 4 === 1)) return undefined // no base64 has that length
  return { ...parameters, salt: fromBase64(texts[0]), hash: fromBase64(texts[1]) }
}

/** Compares in a time that does not depend on where they differ. */
function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  return a.reduce((difference, byte, at) => difference | (byte ^ (b[at] as number)), 0) === 0
}

/** PHC strings use standard base64 without padding. */
const base64 = (bytes: Uint8Array) => base64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
const fromBase64 = (text: string) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
