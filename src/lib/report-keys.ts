import { fromBase64 } from './bytes.ts'
/** A key that signs reports of leaked secrets: ECDSA on P-256. */
export interface ReportKey {
  readonly id: string
  /** SubjectPublicKeyInfo (RFC 5480), in DER. */
  readonly spki: Uint8Array<ArrayBuffer>
}

const ID = /^[\w.:-]{1,128}$/
const MAX_KEYS = 20
const PEM = /^\s*-----BEGIN PUBLIC KEY-----([\sA-Za-z0-9+/]+={0,2}\s*)-----END PUBLIC KEY-----\s*$/
/**
 * id-ecPublicKey on prime256v1, with an uncompressed point (RFC 5480 §2): everything but the 64 bytes of the point
 * itself.
 */
const P256_HEADER = '3059301306072a8648ce3d020106082a8648ce3d03010703420004'
const P256_LENGTH = 91

/**
 * Parses public keys in the format of GitHub's secret scanning, `{ "public_keys": [{ "key_identifier", "key",
 * "is_current" }] }`, as far as possible without cryptography.
 *
 * @returns the keys, current or not, or a sentence that says what is wrong and where
 */
export function parseReportKeys(text: string): ReportKey[] | string {
  const entries = parseEntries(text)
  if (!entries) return 'is not a list of keys, {"public_keys":[…]}'
  if (entries.length === 0 || entries.length > MAX_KEYS) return `must hold 1 to ${MAX_KEYS} keys`
  const keys = entries.map(readKey)
  const flaws = keys.flatMap((key, at) => (typeof key === 'string' ? [`key ${at + 1} ${key}`] : []))
  if (flaws.length > 0) return flaws.join('; ')
  const good = keys.filter((key) => typeof key !== 'string')
  return new Set(good.map(({ id }) => id)).size === good.length ? good : 'has two keys with the same key_identifier'
}

type Entry = Readonly<Record<string, unknown>>

function parseEntries(text: string): Entry[] | undefined {
  try {
    const { public_keys: list } = JSON.parse(text) as { public_keys?: unknown }
    return Array.isArray(list) && list.every((one) => typeof one === 'object' && one !== null) ? list : undefined
  } catch {
    return undefined
  }
}

function readKey({ key_identifier: id, key }: Entry): ReportKey | string {
  if (typeof id !== 'string' || !ID.test(id))
    return 'has no key_identifier of 1 to 128 letters, digits and any of . _ : -'
  const spki = typeof key === 'string' ? parseSpki(key) : undefined
  return spki ? { id, spki } : 'has no PEM of a P-256 public key in key'
}

function parseSpki(pem: string): Uint8Array<ArrayBuffer> | undefined {
  const base64 = PEM.exec(pem)?.[1]?.replaceAll(/\s/g, '')
  if (!base64 || base64.length % 4 !== 0) return undefined
  const bytes = fromBase64(base64)
  const header = Array.from(bytes.subarray(0, P256_HEADER.length / 2), (byte) => byte.toString(16).padStart(2, '0'))
  return bytes.length === P256_LENGTH && header.join('') === P256_HEADER ? bytes : undefined
}
