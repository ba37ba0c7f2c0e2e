/** Hashes of other systems, which are kept until their owners sign in (rehash.ts). */
import { equalBytes, fromBase64, utf8 } from '../../lib/bytes.ts'
import { lazily } from '../../lib/lazily.ts'

const loadBcryptjs = lazily(() => import('bcryptjs'))
const loadScrypt = lazily(() => import('@noble/hashes/scrypt.js'))

/** A way to compare a password with a stored hash. */
interface Comparison {
  /** How long the comparison keeps a core busy. */
  readonly ms: number
  compare(password: string): Promise<boolean>
}

/**
 * All equivalent bcrypt variants, up to the highest cost that a request can afford: 14, which earlier
 * imports accepted, takes about a second of CPU.
 */
const BCRYPT = /^\$2[aby]\$(0[4-9]|1[0-4])\$[./A-Za-z0-9]{53}$/

/** Per round, of which there are 2^cost: a hash of cost 10 takes about as long as argon2id. */
export const BCRYPT_ROUND_MS = 0.06

/**
 * Comparing a hash of this cost takes a quarter of the time that every refused sign-in takes, so that even a core that
 * is four times slower finishes in time. A longer comparison would reveal which users were imported.
 */
export const MAX_BCRYPT_COST = 12

const SALT_AND_HASH = String.raw`\$([A-Za-z0-9+/]{2,172})\$([A-Za-z0-9+/]{22,86})$`
/** PHC string format, with the parameters of RFC 7914. */
const SCRYPT = new RegExp(String.raw`^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})${SALT_AND_HASH}`)
/** N × r × p: the default of better-auth, 32 MiB at p = 1. Comparing it takes the same quarter. */
export const MAX_SCRYPT_WORK = 2 ** 18
const SCRYPT_MS = 210 / MAX_SCRYPT_WORK

const PBKDF2 = new RegExp(String.raw`^\$pbkdf2-(sha256|sha512)\$i=(\d{1,7})${SALT_AND_HASH}`)
/** workerd refuses more. In JavaScript a round takes eight times as long, so 600,000 rounds would take about a second. */
export const MAX_PBKDF2_ROUNDS = 100_000
/** For SHA-512, the slower of the two. */
const PBKDF2_ROUND_MS = 0.0006

/** @returns `undefined` if it is not a hash of another system, or is too expensive to compare at all */
export function readImported(stored: string): Comparison | undefined {
  return readBcrypt(stored) ?? readScrypt(stored) ?? readPbkdf2(stored)
}

/** Whether an import may store such a hash: it can be verified in less time than a refused sign-in takes. */
export function isImportable(stored: string): boolean {
  const [, cost] = BCRYPT.exec(stored) ?? []
  return cost === undefined ? readImported(stored) !== undefined : Number(cost) <= MAX_BCRYPT_COST
}

function readBcrypt(stored: string): Comparison | undefined {
  const [, cost] = BCRYPT.exec(stored) ?? []
  if (cost === undefined) return undefined
  return {
    ms: 2 ** Number(cost) * BCRYPT_ROUND_MS,
    compare: async (password) => (await loadBcryptjs()).compare(password, stored),
  }
}

function readScrypt(stored: string): Comparison | undefined {
  const [, ln, ...rest] = SCRYPT.exec(stored) ?? []
  const [r, p] = rest.slice(0, 2).map(Number)
  const [salt, hash] = rest.slice(2).map(fromPhcBase64)
  if (ln === undefined || !r || !p || !salt || !hash) return undefined
  const N = 2 ** Number(ln)
  if (N < 2 || N * r * p > MAX_SCRYPT_WORK) return undefined
  return {
    ms: N * r * p * SCRYPT_MS,
    async compare(password) {
      const { scryptAsync } = await loadScrypt()
      return equalBytes(await scryptAsync(utf8(password), salt, { N, r, p, dkLen: hash.length }), hash)
    },
  }
}

function readPbkdf2(stored: string): Comparison | undefined {
  const [, digest, rounds, ...rest] = PBKDF2.exec(stored) ?? []
  const iterations = Number(rounds)
  const [salt, hash] = rest.map(fromPhcBase64)
  if (!digest || !salt || !hash || !(iterations >= 1 && iterations <= MAX_PBKDF2_ROUNDS)) return undefined
  const algorithm = { name: 'PBKDF2', hash: digest === 'sha256' ? 'SHA-256' : 'SHA-512', salt, iterations }
  return {
    ms: iterations * PBKDF2_ROUND_MS,
    async compare(password) {
      const key = await crypto.subtle.importKey('raw', utf8(password), 'PBKDF2', false, ['deriveBits'])
      return equalBytes(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, hash.length * 8)), hash)
    },
  }
}

/** PHC strings have no padding. @returns `undefined` if the length is not valid base64 */
const fromPhcBase64 = (text: string) => (text.length % 4 === 1 ? undefined : fromBase64(text))
