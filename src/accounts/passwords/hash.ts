import { base64url, equalBytes, fromBase64, randomBytes, utf8 } from '../../lib/bytes.ts'
import { argon2id } from './argon2id.ts'
import { COST, HASH_MS } from './hash-cost.ts'
import { inTurn } from './hash-turns.ts'

const SALT_BYTES = 16
const HASH_BYTES = 32

/** The highest accepted cost of a stored hash: a tampered row must not block the isolate. */
const MAX_COST = { m: 65_536, t: 4, p: 1 } as const
/** The lowest cost that argon2 supports (RFC 9106 §3.1). */
const MIN_COST = { m: 8, t: 1, p: 1 } as const
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/

/** A dummy hash for users without one, so that the same work is done. */
const NO_ONES = { ...COST, salt: new Uint8Array(SALT_BYTES), hash: new Uint8Array(HASH_BYTES) }

/**
 * Hashes a password with argon2id (RFC 9106), exactly as received: no trimming, no Unicode normalization.
 *
 * @returns a PHC string, which contains its parameters
 * @throws Problem `busy` if too many passwords wait in this isolate
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await inTurn(HASH_MS, (pause) =>
    argon2id({ password: utf8(password), salt, cost: COST, length: HASH_BYTES }, pause),
  )
  return `$argon2id$v=19$m=${COST.m},t=${COST.t},p=${COST.p}$${base64(salt)}$${base64(hash)}`
}

/**
 * Whether this is the password of a stored hash. Without a hash it does the same work and returns false, so that timing
 * does not reveal whether the account exists.
 *
 * @throws Problem `busy` if too many passwords wait in this isolate
 */
export async function passwordMatches(password: string, stored: string | null | undefined): Promise<boolean> {
  const parsed = parsePhc(stored ?? '')
  const { salt, hash, ...cost } = parsed ?? NO_ONES
  const ms = (HASH_MS * cost.m * cost.t) / (COST.m * COST.t)
  const actual = await inTurn(ms, (pause) =>
    argon2id({ password: utf8(password), salt, cost, length: hash.length }, pause),
  )
  return equalBytes(actual, hash) && parsed !== undefined
}

/** The cost of a stored hash, as KiB times passes; `undefined` if it is not argon2id, or costs too much. */
export function hashCost(stored: string): number | undefined {
  const parsed = parsePhc(stored)
  return parsed && parsed.m * parsed.t
}

/** Whether a hash is weaker than a new one would be, or not argon2id. */
export const isOutdated = (stored: string): boolean => (hashCost(stored) ?? 0) < COST.m * COST.t

function parsePhc(stored: string) {
  const match = PHC.exec(stored)
  if (!match) return undefined
  const parameters = { m: Number(match[1]), t: Number(match[2]), p: Number(match[3]) }
  const names = ['m', 't', 'p'] as const
  const texts = match.slice(4) as [salt: string, hash: string]
  if (names.some((name) => parameters[name] < MIN_COST[name] || parameters[name] > MAX_COST[name])) return undefined
  if (texts.some((text) => text.length % 4 === 1)) return undefined // not a valid length of base64
  return { ...parameters, salt: fromBase64(texts[0]), hash: fromBase64(texts[1]) }
}

/** PHC strings use standard base64 without padding. */
const base64 = (bytes: Uint8Array) => base64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
