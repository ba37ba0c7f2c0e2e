import { fromBase64, utf8 } from '../../lib/bytes.ts'

/**
 * How far a delivery's clock may differ, in either direction. An intercepted delivery can be replayed for this long.
 */
const TOLERANCE_SECONDS = 300
/** More than a rotation needs. Each one costs an HMAC of the body. */
const MAX_SIGNATURES = 8

const EVENT_ID = /^[A-Za-z0-9_-]{1,128}$/ // without periods, which separate the signed parts
const UNIX_SECONDS = /^[1-9]\d{9}$/
/** 32 bytes in base64. */
const POLAR_SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/
const STRIPE_SIGNATURE = /^[0-9a-f]{64}$/
const HEADER_LENGTH = 2_000

const HMAC = { name: 'HMAC', hash: 'SHA-256' } as const
type Bytes = Uint8Array<ArrayBuffer>

interface Delivery {
  readonly headers: Headers
  /** As received. */
  readonly body: Bytes
  /** Unix milliseconds. */
  readonly now: number
}

/**
 * Whether Polar signed a delivery: Standard Webhooks over `webhook-id`, `webhook-timestamp` and the body, at most 300 s
 * from now. Polar signs with the bytes of the whole secret as it is shown. The base64 after the prefix, as in the
 * standard, is accepted as well.
 */
export async function isPolarSigned(secrets: readonly string[], { headers, body, now }: Delivery): Promise<boolean> {
  const id = headers.get('webhook-id') ?? ''
  const timestamp = headers.get('webhook-timestamp') ?? ''
  const signatures = polarSignatures(headers.get('webhook-signature') ?? '')
  if (!EVENT_ID.test(id) || !isRecent(timestamp, now)) return false
  return isSignedByAny(secrets.flatMap(polarKeys), signatures, joinBytes(utf8(`${id}.${timestamp}.`), body))
}

/** Whether Stripe signed a delivery: any `v1` of its header over `t` and the body, at most 300 s from now. */
export async function isStripeSigned(secrets: readonly string[], { headers, body, now }: Delivery): Promise<boolean> {
  const { timestamp, signatures } = stripeHeader(headers.get('Stripe-Signature') ?? '')
  if (!isRecent(timestamp, now)) return false
  return isSignedByAny(secrets.map(utf8), signatures, joinBytes(utf8(`${timestamp}.`), body))
}

/** Stripe's own library accepts future times. Such a delivery could be replayed for as long as it is ahead. */
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

/** A header with two times is refused: one could be checked, and the other signed. */
function stripeHeader(header: string): { timestamp: string; signatures: Bytes[] } {
  const parts = header.length > HEADER_LENGTH ? [] : header.split(',').map((part) => part.split('='))
  const listValues = (name: string) => parts.flatMap(([key, value = '']) => (key === name ? [value] : []))
  const times = listValues('t')
  const signatures = listValues('v1').filter((hex) => STRIPE_SIGNATURE.test(hex))
  return { timestamp: times.length === 1 ? (times[0] ?? '') : '', signatures: signatures.map(fromHex) }
}

const PREFIX = /^(whsec_|polar_whs_)/
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** A self-chosen secret can happen to be short base64, so the standard's lengths are required. */
function polarKeys(secret: string): Bytes[] {
  const rest = secret.replace(PREFIX, '')
  const decoded = BASE64.test(rest) && rest.length % 4 === 0 ? fromBase64(rest) : new Uint8Array()
  return decoded.length >= 24 && decoded.length <= 64 ? [utf8(secret), decoded] : [utf8(secret)]
}

/** `crypto.subtle.verify` compares in constant time; the expected signature is never computed here. */
async function isSignedByAny(keys: readonly Bytes[], signatures: readonly Bytes[], content: Bytes): Promise<boolean> {
  const candidates = signatures.slice(0, MAX_SIGNATURES)
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
