import { fromBase64 } from './bytes.ts'

/**
 * The algorithm of each key type, by its `kty` (RFC 7518 §6, RFC 8037). The key decides the algorithm, never a token.
 */
const KINDS = {
  EC: { alg: 'ES256', crv: 'P-256', publicParts: ['x', 'y'], secretPart: 'd' },
  OKP: { alg: 'EdDSA', crv: 'Ed25519', publicParts: ['x'], secretPart: 'd' },
  oct: { alg: 'HS256', crv: undefined, publicParts: [], secretPart: 'k' },
} as const

type KeyType = keyof typeof KINDS
export type JwtAlgorithm = (typeof KINDS)[KeyType]['alg']

/** A signing key: the required members of a JWK, and nothing else. */
export interface PrivateJwk {
  readonly kty: KeyType
  readonly alg: JwtAlgorithm
  readonly kid: string
  readonly [member: string]: string
}

/** The bytes of every coordinate and scalar of P-256 and Ed25519. HS256 requires at least as many (RFC 7518 §3.2). */
const PART_BYTES = 32
const MAX_KEYS = 10
/** 32 random bytes hardly ever have fewer distinct values; a typed secret often does. */
const MIN_DIFFERENT_BYTES = 12
const KID = /^[\w.:-]{1,64}$/

/**
 * Parses a set of private keys (RFC 7517 §5) as far as possible without cryptography: shape, types, lengths, names.
 *
 * @returns the keys in their order, or a sentence that says what is wrong and where, without any part of the text
 */
export function parseJwkSet(text: string): PrivateJwk[] | string {
  const keys = parseKeys(text)
  if (!keys) return 'is not a JWK set, {"keys":[…]}'
  if (keys.length === 0 || keys.length > MAX_KEYS) return `must hold 1 to ${MAX_KEYS} keys`
  const flaws = keys.flatMap((key, at) => {
    const flaw = findFlaw(key)
    return flaw ? [`key ${at + 1} ${flaw}`] : []
  })
  if (flaws.length > 0) return flaws.join('; ')
  const good = keys.map(stripQuotes)
  return new Set(good.map(({ kid }) => kid)).size === good.length ? good : 'has two keys with the same kid'
}

type Members = Readonly<Record<string, unknown>>

function parseKeys(text: string): Members[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown }
    return Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null) ? keys : undefined
  } catch {
    return undefined
  }
}

/** The checks of a key's public members, in the order in which they are reported. */
const CHECKS: readonly [flaw: string, isWrong: (key: Members, kind: (typeof KINDS)[KeyType]) => boolean][] = [
  ['has no kid of 1 to 64 letters, digits and any of . _ : -', ({ kid }) => typeof kid !== 'string' || !KID.test(kid)],
  ['has an alg that its type is not used with', (key, { alg }) => (key.alg ?? alg) !== alg],
  ['is not on the one curve its type is used with', (key, { crv }) => crv !== undefined && key.crv !== crv],
  ['is not for signatures (see its use)', ({ use = 'sig' }) => use !== 'sig'],
  ['may not sign (see its key_ops)', ({ key_ops: uses = ['sign'] }) => !Array.isArray(uses) || !uses.includes('sign')],
]

function findFlaw(key: Members): string | undefined {
  const { kty } = key
  if (!isKeyType(kty)) return 'has an unsupported type; use EC, OKP or oct'
  const flaw = CHECKS.find(([, isWrong]) => isWrong(key, KINDS[kty]))?.[0]
  return flaw ?? findPartFlaw(key, kty)
}

function findPartFlaw(key: Members, kty: KeyType): string | undefined {
  const { publicParts, secretPart } = KINDS[kty]
  if (key[secretPart] === undefined) return `has no private part (${secretPart})`
  for (const name of [...publicParts, secretPart]) {
    const bytes = decodePart(key[name])
    if (!bytes) return `has no base64url in ${name}`
    if (kty === 'oct' ? bytes.length < PART_BYTES : bytes.length !== PART_BYTES)
      return `is too weak or damaged: ${name} does not have ${PART_BYTES} bytes`
    if (new Set(bytes).size < MIN_DIFFERENT_BYTES) return `is too weak: ${name} is not random`
  }
  return undefined
}

const isKeyType = (kty: unknown): kty is KeyType => typeof kty === 'string' && Object.hasOwn(KINDS, kty)

function decodePart(part: unknown): Uint8Array | undefined {
  if (typeof part !== 'string' || !/^[\w-]+$/.test(part) || part.length % 4 === 1) return undefined
  return fromBase64(part)
}

function stripQuotes(key: Members): PrivateJwk {
  const kty = key.kty as KeyType
  const { alg, crv, publicParts, secretPart } = KINDS[kty]
  const parts = [...publicParts, secretPart].map((name) => [name, String(key[name])])
  return { kty, alg, kid: String(key.kid), ...(crv && { crv }), ...Object.fromEntries(parts) }
}

/** The public part of a key (RFC 7517 §9.2: never `d`). `undefined` for a shared secret. */
export function publicJwk(key: PrivateJwk): Record<string, string> | undefined {
  if (key.kty === 'oct') return undefined
  const { d: _, ...members } = key
  return { ...members, use: 'sig' }
}
