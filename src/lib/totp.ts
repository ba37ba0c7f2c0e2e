import { hmac } from '@noble/hashes/hmac.js'
import { sha1 } from '@noble/hashes/legacy.js'

/** RFC 6238: steps of 30 s since 1970, six digits, HMAC-SHA-1, which authenticator apps support. */
const STEP_SECONDS = 30
const DIGITS = 6
/** Steps that the clocks of phone and server may differ (RFC 6238 §5.2 recommends one). */
const WINDOW = 1

/** @returns the number of the step that contains a time in Unix milliseconds */
export function toStep(now: number): number {
  return Math.floor(now / 1000 / STEP_SECONDS)
}

/** The code of one step (RFC 4226 §5.3). */
export function totp(secret: Uint8Array, step: number): string {
  const counter = new DataView(new ArrayBuffer(8))
  counter.setBigUint64(0, BigInt(step))
  const mac = new DataView(hmac(sha1, secret, new Uint8Array(counter.buffer)).buffer)
  const truncated = mac.getUint32(mac.getUint8(mac.byteLength - 1) & 0x0f) & 0x7fffffff
  return String(truncated % 10 ** DIGITS).padStart(DIGITS, '0')
}

/**
 * Finds the step of a code, among the current step and its neighbors. All are always compared, so that timing does
 * not reveal which one matched.
 *
 * @param now Unix milliseconds
 */
export function matchingStep(secret: Uint8Array, code: string, now: number): number | undefined {
  const present = toStep(now)
  const steps = Array.from({ length: 2 * WINDOW + 1 }, (_, at) => present - WINDOW + at)
  return steps.reduce<number | undefined>((found, step) => (totp(secret, step) === code ? step : found), undefined)
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648 §6, without padding: the form in which authenticator apps accept a secret. */
export function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  const groups = bits.match(/.{1,5}/g) ?? []
  return groups.map((group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)]).join('')
}
