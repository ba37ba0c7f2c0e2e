import { base62, base62Number } from '../lib/base62.ts'
import { randomBytes } from '../lib/bytes.ts'
import { crc32 } from '../lib/crc32.ts'

export type Environment = 'live' | 'test'

const SECRET_BYTES = 32
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6

/** Anchored, and without alternatives that overlap, so it cannot backtrack. */
const KEY = /^([a-z][a-z0-9]{1,7})_(live|test)_[0-9A-Za-z]{43}([0-9A-Za-z]{6})$/
const PREFIX = /^[a-z][a-z0-9]{1,7}$/
/** A key of another system: printable ASCII, and too long to guess. */
const FOREIGN = /^[!-~]{16,256}$/

/**
 * Makes a key: `<prefix>_<environment>_<secret><checksum>`.
 *
 * The secret is 256 bits from a CSPRNG in base 62 (43 characters). The checksum is the CRC-32 of everything before it
 * in base 62 (6 characters). The checksum alone refuses typos and guesses, without a query, and secret
 * scanners use it to confirm a find.
 */
export const newKey = (prefix: string, environment: Environment): string =>
  buildKey(prefix, environment, randomBytes(SECRET_BYTES))

/** The same from 256 given bits. */
export function buildKey(prefix: string, environment: Environment, secret: Uint8Array): string {
  const body = `${prefix}_${environment}_${base62(secret, SECRET_LENGTH)}`
  return body + checksum(body)
}

/**
 * Whether the text has the form of a key and its checksum is right. It does not say whether the key was ever issued.
 */
export function isWellFormed(key: string): boolean {
  const match = KEY.exec(key)
  return match !== null && match[3] === checksum(key.slice(0, -CHECKSUM_LENGTH))
}

/**
 * Whether a key is worth a lookup. A key in Tollgate's own format must always have the right checksum, so a typo
 * costs nothing. Any other form can only be an imported key.
 *
 * @param takesForeign whether this deployment has keys of other systems
 */
export function mayExist(key: string, takesForeign: boolean): boolean {
  return isWellFormed(key) || (takesForeign && FOREIGN.test(key) && !KEY.test(key))
}

/** The prefix of keys that are access tokens of applications. */
export const ACCESS_PREFIX = 'oat'

export const isAccessToken = (key: string) => key.startsWith(`${ACCESS_PREFIX}_`)
/** By which people and secret scanners tell service keys from those of customers. */
export const SERVICE_PREFIX = 'sk'

/**
 * Whether a key is an access token that was issued to an application for another service (RFC 8707 §2, RFC 9700 §2.3).
 *
 * @param isOurs whether a token for that resource is meant for the caller
 */
export const isForAnother = (
  key: string,
  { resource }: Readonly<Record<string, unknown>>,
  isOurs: (resource: string) => boolean,
) => isAccessToken(key) && typeof resource === 'string' && !isOurs(resource)

export const isPrefix = (text: string) => PREFIX.test(text)

/** The hint of a key in lists: enough to recognize it, and 41 of the 43 secret characters short of using it. */
export function describeKey(key: string): string {
  const secretAt = key.indexOf('_', key.indexOf('_') + 1) + 1
  return `${key.slice(0, secretAt)}${key.slice(secretAt, secretAt + 2)}…${key.slice(-4)}`
}

function checksum(body: string): string {
  return base62Number(crc32(body), CHECKSUM_LENGTH)
}
