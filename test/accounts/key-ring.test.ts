import {
  base64url,
  calculateJwkThumbprint,
  decodeJwt,
  decodeProtectedHeader,
  exportSPKI,
  importJWK,
  jwtVerify,
  SignJWT,
} from 'jose'
import { describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { signAccessToken, verifyAccessToken } from '../../src/accounts/access-token.ts'
import { signToken, verifyToken } from '../../src/accounts/jwt.ts'
import { keyRing, publicKeys } from '../../src/accounts/key-ring.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { utf8 } from '../../src/lib/bytes.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { Problem } from '../../src/problems.ts'

const ES256 = 'ES256'
const REST = {
  DATABASE_URL: 'postgresql://ada:pass@db.example.com/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  SECRET_KEY: 'another-secret-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.example.com',
}
const SECRET = 'a-secret-of-the-key-ring-tests-here'

type Jwk = Record<string, unknown>

/** The key of RFC 7517 Appendix A.2, and those of RFC 8037 Appendix A.1 and RFC 7515 Appendix A.1. */
const ELLIPTIC = {
  kty: 'EC',
  crv: 'P-256',
  kid: 'elliptic',
  x: 'MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4',
  y: '4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM',
  d: '870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE',
}
const EDWARDS = {
  kty: 'OKP',
  crv: 'Ed25519',
  kid: 'edwards',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
}
const SHARED = {
  kty: 'oct',
  kid: 'shared',
  k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
}
const KINDS = [ELLIPTIC, EDWARDS, SHARED] as const

const NOW = 1_800_000_000_000
const CLAIMS = { sub: uuidv7(NOW), sid: uuidv7(NOW), org: uuidv7(NOW) }

const configOf = (...keys: Jwk[]): Config => readConfig({ ...REST, JWT_KEYS: JSON.stringify({ keys }) })
const secretConfig = (secret = SECRET) => readConfig({ ...REST, JWT_SECRET_KEY: secret })
const sign = (config: Config) => signAccessToken(config, CLAIMS, NOW)
const isGood = async (config: Config, token: string) => (await verifyAccessToken(config, token, NOW)) !== undefined

/** A token under any key and header, with the claims of a good one. */
async function forge(config: Config, header: Jwk & { alg: string }, key: CryptoKey | Uint8Array): Promise<string> {
  return new SignJWT(decodeJwt(await sign(config))).setProtectedHeader({ typ: 'at+jwt', ...header }).sign(key)
}

function refusal(work: () => unknown): Problem {
  try {
    work()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('It was not refused.')
}

describe('signing', () => {
  test.each([
    ['ES256', ELLIPTIC],
    ['EdDSA', EDWARDS],
    ['HS256', SHARED],
  ])('a key gives its kid and its own algorithm, %s, to the header, and the token is good', async (alg, key) => {
    const config = configOf(key)
    const token = await sign(config)
    expect(decodeProtectedHeader(token)).toEqual({ alg, typ: 'at+jwt', kid: key.kid })
    expect(await verifyAccessToken(config, token, NOW)).toEqual({ ...CLAIMS, jti: expect.any(String) })
  })

  test('the first key signs, whatever follows', async () => {
    expect(decodeProtectedHeader(await sign(configOf(EDWARDS, ELLIPTIC, SHARED))).kid).toBe('edwards')
  })

  test('JWT_SECRET_KEY signs without a kid', async () => {
    expect(decodeProtectedHeader(await sign(secretConfig()))).toEqual({ alg: 'HS256', typ: 'at+jwt' })
  })

  test('keys are imported once per isolate', async () => {
    const config = configOf(ELLIPTIC)
    const imported = vi.spyOn(crypto.subtle, 'importKey')
    await sign(config)
    const first = imported.mock.calls.length
    for (let count = 0; count < 5; count++) await isGood(config, await sign(config))
    expect(imported.mock.calls.length).toBe(first)
    expect(await keyRing(config)).toBe(await keyRing(config))
    imported.mockRestore()
  })

  test('a private key cannot be read out of the ring again', async () => {
    const { signer } = await keyRing(configOf(ELLIPTIC))
    expect((signer.signing as CryptoKey).extractable).toBe(false)
  })
})

describe('rotation signs nobody out', () => {
  test('tokens of a former key stay good for as long as it is in the set, and no longer', async () => {
    const before = configOf(ELLIPTIC)
    const token = await sign(before)
    const after = configOf(EDWARDS, ELLIPTIC)

    expect(await isGood(after, token)).toBe(true)
    expect(await isGood(after, await sign(after))).toBe(true)
    expect(await isGood(configOf(EDWARDS), token)).toBe(false)
    expect(await isGood(before, await sign(after))).toBe(false)
  })

  test('under another kid the same key is another key', async () => {
    expect(await isGood(configOf({ ...ELLIPTIC, kid: 'renamed' }), await sign(configOf(ELLIPTIC)))).toBe(false)
  })

  test('a token without a kid is good under JWT_SECRET_KEY alone; one with a kid is not', async () => {
    const asKey = { ...SHARED, k: base64url.encode(SECRET) }
    const plain = await sign(secretConfig())
    expect(await isGood(secretConfig(), plain)).toBe(true)
    expect(await isGood(configOf(asKey), plain)).toBe(false)
    expect(await isGood(secretConfig(), await sign(configOf(asKey)))).toBe(false)
  })
})

describe('v5.0.0-9.1.1, v5.0.0-9.1.2: the key fixes the algorithm, never the token', () => {
  test('a public key, in each of its spellings, is no shared secret', async () => {
    const config = configOf(ELLIPTIC)
    const [jwk] = publicKeys(config).keys
    const publicKey = (await importJWK({ ...jwk }, ES256, { extractable: true })) as CryptoKey
    const pem = await exportSPKI(publicKey)
    const raw = new Uint8Array((await crypto.subtle.exportKey('raw', publicKey)) as ArrayBuffer)
    for (const secret of [utf8(pem), utf8(pem.trim()), utf8(JSON.stringify(jwk)), raw, utf8(ELLIPTIC.x)]) {
      for (const kid of ['elliptic', undefined])
        expect(await isGood(config, await forge(config, { alg: 'HS256', ...(kid && { kid }) }, secret))).toBe(false)
    }
  })

  test.each(KINDS.map((key) => [key.kid, key] as const))('%s: another algorithm is refused', async (kid, key) => {
    const config = configOf(key)
    const [, payload, signature] = (await sign(config)).split('.')
    const own = decodeProtectedHeader(await sign(config)).alg
    for (const alg of [
      'none',
      'None',
      '',
      'HS256',
      'HS384',
      'HS512',
      'RS256',
      'PS256',
      'ES256',
      'ES256K',
      'EdDSA',
      'Ed25519',
    ]) {
      if (alg === own) continue
      const header = base64url.encode(JSON.stringify({ alg, typ: 'at+jwt', kid }))
      expect(await isGood(config, `${header}.${payload}.${signature}`), alg).toBe(false)
    }
  })

  test('the kid of one key under the signature of another is refused, both being configured', async () => {
    const config = configOf(...KINDS)
    const secret = base64url.decode(SHARED.k)
    expect(await isGood(config, await forge(config, { alg: 'HS256', kid: 'shared' }, secret))).toBe(true)
    for (const kid of ['elliptic', 'edwards', 'Shared', 'shared ', '__proto__', 'constructor'])
      expect(await isGood(config, await forge(config, { alg: 'HS256', kid }, secret)), kid).toBe(false)
  })

  test('a signature of zeros, and one in the other encoding of ECDSA, are refused', async () => {
    const config = configOf(ELLIPTIC)
    const [header, payload] = (await sign(config)).split('.')
    const der = `MEUCIQD${'A'.repeat(88)}`
    for (const signature of [base64url.encode(new Uint8Array(64)), base64url.encode(new Uint8Array(70)), der])
      expect(await isGood(config, `${header}.${payload}.${signature}`)).toBe(false)
  })
})

describe('v5.0.0-9.1.3: keys come from the configuration alone', () => {
  test.each(['jwk', 'jku', 'x5u', 'x5c', 'crit', 'b64'])(
    'a header with %s is refused, though all else is good',
    async (name) => {
      const config = configOf(ELLIPTIC)
      const signer = (await keyRing(config)).signer
      const values: Jwk = { jwk: publicKeys(config).keys[0], crit: ['b64'], b64: true }
      const value = values[name] ?? 'https://attacker.example.com/keys'
      const text = `${base64url.encode(JSON.stringify({ alg: ES256, typ: 'at+jwt', kid: 'elliptic', [name]: value }))}.${(await sign(config)).split('.')[1]}`
      const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
      const signature = await crypto.subtle.sign(algorithm, signer.signing as CryptoKey, utf8(text))
      const asked = vi.spyOn(globalThis, 'fetch')
      expect(await isGood(config, `${text}.${base64url.encode(new Uint8Array(signature))}`)).toBe(false)
      expect(asked).not.toHaveBeenCalled()
      asked.mockRestore()
    },
  )
})

describe('v5.0.0-9.2.1, v5.0.0-9.2.2, v5.0.0-9.2.3: a token is good for what it was made for', () => {
  const config = configOf(ELLIPTIC)
  const kind = { typ: '2fa+jwt', ttlSeconds: 300, claims: z.object({ sub: z.uuid() }) }
  const make = () => signToken(config, { ...kind, claims: { sub: CLAIMS.sub } }, NOW)

  test('one of another type, under the same key, is refused both ways', async () => {
    expect(await verifyToken(config, await make(), kind, NOW)).toEqual({ sub: CLAIMS.sub })
    expect(await isGood(config, await make())).toBe(false)
    expect(await verifyToken(config, await sign(config), kind, NOW)).toBeUndefined()
    expect(await verifyToken(config, await make(), { ...kind, typ: 'application/2fa+jwt' }, NOW)).toBeUndefined()
  })

  test('until its own end, with 30 seconds for clocks that differ', async () => {
    const token = await make()
    const ends = [329_999, 330_000].map((after) => verifyToken(config, token, kind, NOW + after))
    expect(await Promise.all(ends)).toEqual([{ sub: CLAIMS.sub }, undefined])
  })

  test.each([
    ['issuer', { PUBLIC_URL: 'https://other.example.com' }],
    ['key', { JWT_KEYS: JSON.stringify({ keys: [{ ...EDWARDS, kid: 'elliptic' }] }) }],
  ])('one of another %s is refused', async (_, variables) => {
    const keys = JSON.stringify({ keys: [ELLIPTIC] })
    const other = readConfig({ ...REST, JWT_KEYS: keys, ...variables })
    expect(await isGood(config, await sign(other))).toBe(false)
    expect(await isGood(other, await sign(config))).toBe(false)
  })
})

describe('what is published', () => {
  test('are the public parts of asymmetric keys, in their order, and they verify', async () => {
    const config = configOf(EDWARDS, SHARED, ELLIPTIC)
    const { keys } = publicKeys(config)
    expect(keys).toEqual([
      { kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', kid: 'edwards', x: EDWARDS.x, use: 'sig' },
      { kty: 'EC', crv: 'P-256', alg: 'ES256', kid: 'elliptic', x: ELLIPTIC.x, y: ELLIPTIC.y, use: 'sig' },
    ])
    const { payload } = await jwtVerify(await sign(config), await importJWK({ ...keys[0] }), {
      currentDate: new Date(NOW),
    })
    expect(payload.sub).toBe(CLAIMS.sub)
    expect(await calculateJwkThumbprint({ ...keys[0] })).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k') // RFC 8037 A.3
  })

  test('with JWT_SECRET_KEY there is nothing', () => {
    expect(publicKeys(secretConfig())).toEqual({ keys: [] })
  })
})

describe('what is refused at the start', () => {
  const { d: _, ...onlyPublic } = ELLIPTIC
  const { kid: __, ...nameless } = ELLIPTIC

  test.each<[string, unknown]>([
    ['is no JWK set', 'sesame'],
    ['is no JWK set', '{"keys":'],
    ['is no JWK set', JSON.stringify(ELLIPTIC)],
    ['is no JWK set', { keys: ['sesame'] }],
    ['must hold 1 to 10 keys', { keys: [] }],
    ['must hold 1 to 10 keys', { keys: Array.from({ length: 11 }, (_, at) => ({ ...ELLIPTIC, kid: `k${at}` })) }],
    ['key 1 has no kid', { keys: [nameless] }],
    ['key 1 has no kid', { keys: [{ ...ELLIPTIC, kid: '' }] }],
    ['key 1 has no kid', { keys: [{ ...ELLIPTIC, kid: 7 }] }],
    ['key 1 has no kid', { keys: [{ ...ELLIPTIC, kid: 'a b' }] }],
    ['same kid', { keys: [ELLIPTIC, { ...EDWARDS, kid: 'elliptic' }] }],
    ['key 1 has no private part', { keys: [onlyPublic] }],
    ['key 2 has no private part', { keys: [EDWARDS, { kty: 'oct', kid: 'x' }] }],
    ['key 1 is of a type', { keys: [{ ...ELLIPTIC, kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }],
    ['key 1 is of a type', { keys: [{ ...ELLIPTIC, kty: 'constructor' }] }],
    ['key 1 is not on the one curve', { keys: [{ ...ELLIPTIC, crv: 'P-384' }] }],
    ['key 1 is not on the one curve', { keys: [{ ...EDWARDS, crv: 'X25519' }] }],
    ['key 1 has an alg', { keys: [{ ...ELLIPTIC, alg: 'ES384' }] }],
    ['key 1 has an alg', { keys: [{ ...ELLIPTIC, alg: 'HS256' }] }],
    ['key 1 has an alg', { keys: [{ ...SHARED, alg: 'none' }] }],
    ['key 1 is not for signatures', { keys: [{ ...ELLIPTIC, use: 'enc' }] }],
    ['key 1 may not sign', { keys: [{ ...ELLIPTIC, key_ops: ['verify'] }] }],
    ['key 1 has no base64url in d', { keys: [{ ...ELLIPTIC, d: `${ELLIPTIC.d}=` }] }],
    ['key 1 has no base64url in x', { keys: [{ ...ELLIPTIC, x: 17 }] }],
    ['key 1 is too weak or damaged', { keys: [{ ...ELLIPTIC, d: ELLIPTIC.d.slice(4) }] }],
    ['key 1 is too weak or damaged', { keys: [{ ...SHARED, k: SHARED.k.slice(0, 42) }] }],
    ['key 1 is too weak', { keys: [{ ...SHARED, k: base64url.encode('sesame'.repeat(9)) }] }],
    ['key 1 is too weak', { keys: [{ ...SHARED, k: 'A'.repeat(43) }] }],
    ['key 1 has no kid of 1 to 64', { keys: [{ ...ELLIPTIC, kid: 'x'.repeat(65) }, onlyPublic] }],
  ])('%s: told by the place of the key, without anything of it', (flaw, value) => {
    const JWT_KEYS = typeof value === 'string' ? value : JSON.stringify(value)
    const { code, message } = refusal(() => readConfig({ ...REST, JWT_KEYS }))
    expect(code).toBe('misconfigured')
    expect(message).toContain(`JWT_KEYS (`)
    expect(message).toContain(flaw)
    for (const part of ['sesame', ELLIPTIC.d, ELLIPTIC.x, EDWARDS.d, SHARED.k, 'elliptic'])
      expect(message).not.toContain(part)
  })

  test('a shared secret has at least 32 bytes: 31 are refused, 32 and 33 taken', () => {
    const lengths = [31, 32, 33].filter((length) => {
      const k = base64url.encode(Uint8Array.from({ length }, (_, at) => at))
      try {
        return configOf({ ...SHARED, k })
      } catch {
        return false
      }
    })
    expect(lengths).toEqual([32, 33])
  })

  test.each<[string, Jwk]>([
    ['halves that do not belong together', { ...ELLIPTIC, d: EDWARDS.d }],
    ['halves that do not belong together', { ...EDWARDS, d: ELLIPTIC.d }],
    ['a point that is on no curve', { ...ELLIPTIC, x: EDWARDS.x }],
  ])('%s: refused at the first use, before anything is signed', async (_, key) => {
    const problem = await keyRing(configOf(key)).catch((error) => error)
    expect(problem).toMatchObject({ code: 'misconfigured' })
    expect(problem.message).toBe('JWT_KEYS: key 1 cannot be used; its parts do not fit.')
    await expect(verifyAccessToken(configOf(key), await sign(configOf(ELLIPTIC)), NOW)).rejects.toMatchObject({
      code: 'misconfigured',
    })
  })

  test('exactly one of JWT_KEYS and JWT_SECRET_KEY is taken; otherwise both are named', () => {
    const both = { JWT_KEYS: JSON.stringify({ keys: [ELLIPTIC] }), JWT_SECRET_KEY: SECRET }
    for (const variables of [{}, both]) {
      const { message } = refusal(() => readConfig({ ...REST, ...variables }))
      expect(message.match(/[A-Z_]{5,}/g)).toEqual(['JWT_KEYS', 'JWT_SECRET_KEY'])
    }
  })
})
