import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { base62 } from '../../src/lib/base62.ts'
import { base64url, randomBytes } from '../../src/lib/bytes.ts'
import { type PrivateJwk, publicJwk } from '../../src/lib/jwk-set.ts'

export const ALGORITHMS = ['ES256', 'EdDSA', 'HS256'] as const
export type SignatureAlgorithm = (typeof ALGORITHMS)[number]

/** Former keys that still verify: more would only keep alive keys that were meant to be replaced. */
const MAX_FORMER_KEYS = 3

export const isAlgorithm = (text: string): text is SignatureAlgorithm =>
  ALGORITHMS.some((algorithm) => algorithm === text)

/** A new private key; its kid begins with the day of its creation, so that a list of keys is readable. */
export async function newKey(alg: SignatureAlgorithm): Promise<PrivateJwk> {
  const kid = `${new Date().toISOString().slice(0, 10)}-${base62(randomBytes(4), 6)}`
  if (alg === 'HS256') return { kty: 'oct', alg, kid, k: base64url(randomBytes(32)) }
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  const { kty, crv, ...parts } = await exportJWK(privateKey)
  return { kty, crv, alg, kid, ...parts } as unknown as PrivateJwk
}

/**
 * Puts a new key first, of the kind of the current first one unless another is requested.
 *
 * @returns the set, and the kids of the dropped keys
 */
export async function rotate(present: readonly PrivateJwk[], alg: SignatureAlgorithm = present[0]?.alg ?? 'ES256') {
  const [kept, dropped] = [present.slice(0, MAX_FORMER_KEYS), present.slice(MAX_FORMER_KEYS)]
  return { keys: [await newKey(alg), ...kept], dropped: dropped.map(({ kid }) => kid) }
}

/** One line per key; a shared secret has no thumbprint, because that would be a hash of it. */
export async function renderTable(keys: readonly PrivateJwk[]): Promise<string> {
  const rows = await Promise.all(
    keys.map(async (key, at) => {
      const known = publicJwk(key)
      const thumbprint = known ? await calculateJwkThumbprint(known) : '(secret)'
      return [key.kid, key.alg, at === 0 ? 'signs' : 'verifies', thumbprint]
    }),
  )
  const lines = [['kid', 'alg', 'role', 'thumbprint'], ...rows]
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? []
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
