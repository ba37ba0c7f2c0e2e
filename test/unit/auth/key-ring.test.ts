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
import { ACCESS_TOKEN_SECONDS, signAccessToken, verifyAccessToken } from '../../../src/auth/access-token.ts'
import { signToken, verifyToken } from '../../../src/auth/jwt.ts'
import { keyRing, publicKeys } from '../../../src/auth/key-ring.ts'
import { type Config, readConfig } from '../../../src/config.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { configOf, EDWARDS, ELLIPTIC, type Jwk, REST, SHARED } from '../../support/jwk.ts'

const ES256 = 'ES256'
const SECRET = 'a-secret-of-the-key-ring-tests-here'
const KINDS = [ELLIPTIC, EDWARDS, SHARED] as const

const NOW = 1_800_000_000_000
const CLAIMS = { sub: uuidv7(NOW), sid: uuidv7(NOW), org: uuidv7(NOW) }

const secretConfig = (secret = SECRET) => readConfig({ ...REST, JWT_SECRET_KEY: secret })
const sign = (config: Config) => signAccessToken(config, CLAIMS, NOW)
const isGood = async (config: Config, token: string) => (await verifyAccessToken(config, token, NOW)) !== undefined

/** A token under any key and header, with the claims of a good one. */
async function forge(config: Config, header: Jwk & { alg: string }, key: CryptoKey | Uint8Array): Promise<string> {
  return new SignJWT(decodeJwt(await sign(config))).setProtectedHeader({ typ: 'at+jwt', ...header }).sign(key)
}

describe('signing', () => {
  test.each([
    ['ES256', ELLIPTIC],
    ['EdDSA', EDWARDS],
    ['HS256', SHARED],
  ])('a key puts its kid and its own algorithm, %s, into the header, and the token is valid', async (alg, key) => {
    const config = configOf(key)
    const token = await sign(config)
    expect(decodeProtectedHeader(token)).toEqual({ alg, typ: 'at+jwt', kid: key.kid })
    expect(await verifyAccessToken(config, token, NOW)).toEqual({
      ...CLAIMS,
      jti: expect.any(String),
      exp: NOW / 1_000 + ACCESS_TOKEN_SECONDS,
    })
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

  test('a private key cannot be exported from the ring', async () => {
    const { signer } = await keyRing(configOf(ELLIPTIC))
    expect((signer.signing as CryptoKey).extractable).toBe(false)
  })
})

describe('rotation signs nobody out', () => {
  test('tokens of a former key stay valid exactly as long as it is in the set', async () => {
    const before = configOf(ELLIPTIC)
    const token = await sign(before)
    const after = configOf(EDWARDS, ELLIPTIC)

    expect(await isGood(after, token)).toBe(true)
    expect(await isGood(after, await sign(after))).toBe(true)
    expect(await isGood(configOf(EDWARDS), token)).toBe(false)
    expect(await isGood(before, await sign(after))).toBe(false)
  })

  test('the same key under another kid is a different key', async () => {
    expect(await isGood(configOf({ ...ELLIPTIC, kid: 'renamed' }), await sign(configOf(ELLIPTIC)))).toBe(false)
  })

  test('a token without a kid is valid only under JWT_SECRET_KEY; one with a kid is not', async () => {
    const asKey = { ...SHARED, k: base64url.encode(SECRET) }
    const plain = await sign(secretConfig())
    expect(await isGood(secretConfig(), plain)).toBe(true)
    expect(await isGood(configOf(asKey), plain)).toBe(false)
    expect(await isGood(secretConfig(), await sign(configOf(asKey)))).toBe(false)
  })
})

describe('v5.0.0-9.1.1, v5.0.0-9.1.2: the key fixes the algorithm, never the token', () => {
  test('a public key, in each of its spellings, is not a shared secret', async () => {
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

  test('the kid of one key with the signature of another is refused, though both are configured', async () => {
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
    'a header with %s is refused, though everything else is valid',
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

describe('v5.0.0-9.2.1, v5.0.0-9.2.2, v5.0.0-9.2.3: a token is valid only for its purpose', () => {
  const config = configOf(ELLIPTIC)
  const kind = { typ: '2fa+jwt', ttlSeconds: 300, claims: z.object({ sub: z.uuid() }) }
  const make = () => signToken(config, { ...kind, claims: { sub: CLAIMS.sub } }, NOW)

  test('one of another type, under the same key, is refused both ways', async () => {
    expect(await verifyToken(config, await make(), kind, NOW)).toEqual({ sub: CLAIMS.sub })
    expect(await isGood(config, await make())).toBe(false)
    expect(await verifyToken(config, await sign(config), kind, NOW)).toBeUndefined()
    expect(await verifyToken(config, await make(), { ...kind, typ: 'application/2fa+jwt' }, NOW)).toBeUndefined()
  })

  test('until exactly its own end', async () => {
    const token = await make()
    const ends = [299_999, 300_000].map((after) => verifyToken(config, token, kind, NOW + after))
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

describe('the published keys', () => {
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

  test('are none with JWT_SECRET_KEY', () => {
    expect(publicKeys(secretConfig())).toEqual({ keys: [] })
  })
})
