import { fromBase64, utf8 } from '../../lib/bytes.ts'

/** How far a delivery's clock may be from ours, in either direction; a delivery that was caught can be repeated so long. */
const TOLERANCE_SECONDS = 300
/** More than a roll-over needs; each one costs an HMAC of the body. */
const MAX_SIGNATURES = 8

const EVENT_ID = /^[A-Za-z0-9_-]{1,128}$/ // without full stops, which separate what is signed
const UNIX_SECONDS = /^[1-9]\d{9}$/
/** 32 bytes in base64. */
const POLAR_SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/
const STRIPE_SIGNATURE = /^[0-9a-f]{64}$/
const HEADER_LENGTH = 2_000

const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const
type Bytes = Uint8Array<ArrayBuffer>

interface Delivery {
  readonly headers: Headers
  /** As it was received. */
  readonly body: Bytes
  /** Unix milliseconds. */
  readonly now: number
}

/**
 * Whether a delivery is one of Polar's: Standard Webhooks over `webhook-id`, `webhook-timestamp` and the body, at most
 * 300 s from now. Polar signs with the bytes of the whole secret as it shows it; the base64 of what follows the prefix, as
 * the standard has it, is taken as well.
 */
export async function isPolarSigned(secrets: readonly string[], { headers, body, now }: Delivery): Promise<boolean> {
  const id = headers.get('webhook-id') ?? ''
  const timestamp = headers.get('webhook-timestamp') ?? ''
  const given = polarSignatures(headers.get('webhook-signature') ?? '')
  if (!EVENT_ID.test(id) || !isRecent(timestamp, now)) return false
  return isSignedByAny(secrets.flatMap(polarKeys), given, joinBytes(utf8(`${id}.${timestamp}.`), body))
}

/** Whether a delivery is one of Stripe's: any `v1` of its header over `t` and the body, at most 300 s from now. */
export async function isStripeSigned(secrets: readonly string[], { headers, body, now }: Delivery): Promise<boolean> {
  const { timestamp, given } = stripeHeader(headers.get('Stripe-Signature') ?? '')
  if (!isRecent(timestamp, now)) return false
  return isSignedByAny(secrets.map(utf8), given, joinBytes(utf8(`${timestamp}.`), body))
}

/** Stripe's own library lets the future pass; a delivery from there could be repeated for as long as it is ahead. */
function isRecent(timestamp: string, now: number): boolean {
  return UNIX_SECONDS.test(timestamp) && Math.abs(Math.floor(now / 1000) - Number(timestamp)) <= TOLERANCE_SECONDS
}

function polarSignatures(header: string): Bytes[] {
  if (header.length > HEADER_LENGTH) return []
  return header.split(' ').flatMap((one) => {
    const base64 = POLAR_SIGNATURE.exec(one)?.[1]
    return base64 === undefined ? [] : [fromBase64(base64)]
  })
}

/** A header with two times says nothing: one of them would be judged, and the other signed. */
function stripeHeader(header: string): { timestamp: string; given: Bytes[] } {
  const parts = header.length > HEADER_LENGTH ? [] : header.split(',').map((part) => part.split('='))
  const listValues = (name: string) => parts.flatMap(([key, value = '']) => (key === name ? [value] : []))
  const times = listValues('t')
  const given = listValues('v1').filter((hex) => STRIPE_SIGNATURE.test(hex))
  return { timestamp: times.length === 1 ? (times[0] ?? '') : '', given: given.map(fromHex) }
}

const PREFIX = /^(whsec_|polar_whs_)/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** A secret of somebody's own choice can happen to be base64 of very little: the standard's lengths are insisted on. */
function polarKeys(secret: string): Bytes[] {
  const rest = secret.replace(PREFIX, '')
  const decoded = BASE64.test(rest) && rest.length % 4 === 0 ? fromBase64(rest) : new Uint8Array()
  return decoded.length >= 24 && decoded.length <= 64 ? [utf8(secret), decoded] : [utf8(secret)]
}

/** `crypto.subtle.verify` compares in constant time; the expected signature is never computed here. */
async function isSignedByAny(keys: readonly Bytes[], given: readonly Bytes[], content: Bytes): Promise<boolean> {
  const candidates = given.slice(0, MAX_SIGNATURES)
  for (const key of keys) {
    const imported = await crypto.subtle.importKey('raw', key, HMAC, false, ['verify'])
    for (const signature of candidates)
      if (await crypto.subtle.verify('HMAC', imported, signature, content)) return true
  }
  return false
}

function joinBytes(head: Bytes, body: Bytes): Bytes {
  const whole = new Uint8Array(head.length + body.length)
  whole.set(head)
  whole.set(body, head.length)
  return whole
}

const fromHex = (hex: string): Bytes => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
