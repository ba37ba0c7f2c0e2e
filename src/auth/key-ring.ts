import { importJWK } from 'jose'
import type { Config } from '../config.ts'
import { utf8 } from '../lib/bytes.ts'
import { type JwtAlgorithm, type PrivateJwk, publicJwk } from '../lib/jwk-set.ts'
import { Problem } from '../problems.ts'

type KeyMaterial = CryptoKey | Uint8Array

/** One key and its only algorithm. */
interface RingKey {
  /** Absent only for JWT_SECRET_KEY. */
  readonly kid: string | undefined
  readonly alg: JwtAlgorithm
  readonly signing: KeyMaterial
  readonly verifying: KeyMaterial
}

export interface KeyRing {
  /** The first key, which signs. */
  readonly signer: RingKey
  /** All keys by their kid. `undefined` maps to JWT_SECRET_KEY, if that is configured. */
  readonly byKid: ReadonlyMap<string | undefined, RingKey>
}

/** Key rings, not promises of them: a request must not wait for another request's I/O. */
const rings = new WeakMap<Config, KeyRing>()

/**
 * The configured keys, imported once per isolate.
 *
 * @throws Problem `misconfigured` for a key that cannot be used, and where there is none; it names the key's position and
 *   nothing else
 */
export async function keyRing(config: Config): Promise<KeyRing> {
  const known = rings.get(config)
  if (known) return known
  const keys = config.JWT_KEYS ? await Promise.all(config.JWT_KEYS.map(importKey)) : [fromSecret(config)]
  const ring = { signer: keys[0] as RingKey, byKid: new Map(keys.map((key) => [key.kid, key])) }
  rings.set(config, ring)
  return ring
}

/** The public keys that verify Tollgate's tokens, as a JWK set (RFC 7517), without shared secrets. */
export function publicKeys(config: Config) {
  return { keys: (config.JWT_KEYS ?? []).map(publicJwk).filter((key) => key !== undefined) }
}

function fromSecret({ JWT_SECRET_KEY }: Config): RingKey {
  if (JWT_SECRET_KEY === undefined) throw new Problem('misconfigured', { detail: 'No key signs tokens.' })
  const secret = utf8(JWT_SECRET_KEY)
  return { kid: undefined, alg: 'HS256', signing: secret, verifying: secret }
}

async function importKey(jwk: PrivateJwk, at: number): Promise<RingKey> {
  try {
    const signing = await importJWK({ ...jwk, ext: false }, jwk.alg)
    const verifying = await importJWK({ ...(publicJwk(jwk) ?? jwk) }, jwk.alg)
    await proveHalves(signing, verifying)
    return { kid: jwk.kid, alg: jwk.alg, signing, verifying }
  } catch {
    throw new Problem('misconfigured', { detail: `JWT_KEYS: key ${at + 1} cannot be used; its parts do not match.` })
  }
}

/** A platform may import a private half that does not match the public one. Every token would then be refused. */
async function proveHalves(signing: KeyMaterial, verifying: KeyMaterial): Promise<void> {
  if (signing instanceof Uint8Array || verifying instanceof Uint8Array) return
  const algorithm = { name: signing.algorithm.name, hash: 'SHA-256' }
  const probe = utf8('probe')
  const signature = await crypto.subtle.sign(algorithm, signing, probe)
  if (!(await crypto.subtle.verify(algorithm, verifying, signature, probe))) throw new Error('The halves differ.')
}
