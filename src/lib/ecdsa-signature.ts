/** Bytes of each of the two numbers in a P-256 signature. */
const NUMBER_BYTES = 32
const SEQUENCE = 0x30
const INTEGER = 0x02

/**
 * Converts an ECDSA signature on P-256 from DER (RFC 3279 §2.2.3) to the form of WebCrypto: r and s, 32 bytes each.
 *
 * Accepts only the one canonical DER encoding (X.690 §10, §8.3): short lengths, integers in as few bytes as possible,
 * positive and not zero, nothing after them. So a signature cannot be altered into a second valid one.
 *
 * @returns 64 bytes, or `undefined` if the input is not such a signature
 */
export function rawSignature(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2 || der.length > 0x7f + 2) return undefined
  const r = readInteger(der, 2)
  const s = r && readInteger(der, r.end)
  if (!r || !s || s.end !== der.length) return undefined
  const raw = new Uint8Array(2 * NUMBER_BYTES)
  raw.set(r.bytes, NUMBER_BYTES - r.bytes.length)
  raw.set(s.bytes, 2 * NUMBER_BYTES - s.bytes.length)
  return raw
}

function readInteger(der: Uint8Array, at: number): { bytes: Uint8Array; end: number } | undefined {
  const length = der[at + 1] ?? 0
  const end = at + 2 + length
  const number = der.subarray(at + 2, end)
  if (der[at] !== INTEGER || number.length !== length || !isShortestPositive(number)) return undefined
  const bytes = number[0] === 0 ? number.subarray(1) : number
  return bytes.length > NUMBER_BYTES ? undefined : { bytes, end }
}

/**
 * A set first bit means "negative". A leading zero byte is required before such a positive number, and forbidden
 * elsewhere.
 */
function isShortestPositive([first = 0, second = 0]: Uint8Array): boolean {
  return first === 0 ? second > 0x7f : first <= 0x7f
}
