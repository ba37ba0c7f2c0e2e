import { base64url } from 'jose'
import { describe, expect, test } from 'vitest'
import { signAccessToken, verifyAccessToken } from '../../../src/auth/access-token.ts'
import { keyRing } from '../../../src/auth/key-ring.ts'
import { readConfig } from '../../../src/config.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'
import { configOf, EDWARDS, ELLIPTIC, type Jwk, REST, SHARED } from '../../support/jwk.ts'

const NOW = 1_800_000_000_000
const CLAIMS = { sub: uuidv7(NOW), sid: uuidv7(NOW), org: null }

describe('keys that are refused at the start', () => {
  const { d: _, ...onlyPublic } = ELLIPTIC
  const { kid: __, ...nameless } = ELLIPTIC

  test.each<[string, unknown]>([
    ['is not a JWK set', 'sesame'],
    ['is not a JWK set', '{"keys":'],
    ['is not a JWK set', JSON.stringify(ELLIPTIC)],
    ['is not a JWK set', { keys: ['sesame'] }],
    ['must hold 1 to 10 keys', { keys: [] }],
    ['must hold 1 to 10 keys', { keys: Array.from({ length: 11 }, (_, at) => ({ ...ELLIPTIC, kid: `k${at}` })) }],
    ['key 1 has no kid', { keys: [nameless] }],
    ['key 1 has no kid', { keys: [{ ...ELLIPTIC, kid: '' }] }],
    ['key 1 has no kid', { keys: [{ ...ELLIPTIC, kid: 7 }] }],
    ['key 1 has no kid', { keys: [{ ...ELLIPTIC, kid: 'a b' }] }],
    ['same kid', { keys: [ELLIPTIC, { ...EDWARDS, kid: 'elliptic' }] }],
    ['key 1 has no private part', { keys: [onlyPublic] }],
    ['key 2 has no private part', { keys: [EDWARDS, { kty: 'oct', kid: 'x' }] }],
    ['key 1 has an unsupported type', { keys: [{ ...ELLIPTIC, kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }],
    ['key 1 has an unsupported type', { keys: [{ ...ELLIPTIC, kty: 'constructor' }] }],
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
  ])('%s: reported by the place of the key, without any of its content', (flaw, value) => {
    const JWT_KEYS = typeof value === 'string' ? value : JSON.stringify(value)
    const { faults } = readConfig({ ...REST, JWT_KEYS })
    expect(faults).toContainEqual(
      expect.objectContaining({ feature: 'management', variable: 'JWT_KEYS', reason: expect.stringContaining(flaw) }),
    )
    const message = JSON.stringify(faults)
    for (const part of ['sesame', ELLIPTIC.d, ELLIPTIC.x, EDWARDS.d, SHARED.k, 'elliptic'])
      expect(message).not.toContain(part)
  })

  test('a shared secret has at least 32 bytes: 31 are refused, 32 and 33 accepted', () => {
    const lengths = [31, 32, 33].filter((length) => {
      const k = base64url.encode(Uint8Array.from({ length }, (_, at) => at))
      return configOf({ ...SHARED, k }).JWT_KEYS !== undefined
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
    expect(problem.message).toBe('JWT_KEYS: key 1 cannot be used; its parts do not match.')
    const token = await signAccessToken(configOf(ELLIPTIC), CLAIMS, NOW)
    await expect(verifyAccessToken(configOf(key), token, NOW)).rejects.toMatchObject({
      code: 'misconfigured',
    })
  })

  test('exactly one of JWT_KEYS and JWT_SECRET_KEY is accepted; otherwise both are named, and management is off', () => {
    const both = { JWT_KEYS: JSON.stringify({ keys: [ELLIPTIC] }), JWT_SECRET_KEY: 'x'.repeat(32) }
    for (const variables of [{}, both])
      expect(readConfig({ ...REST, ...variables }).faults).toContainEqual({
        feature: 'management',
        variable: 'JWT_KEYS',
        reason: 'give either this or JWT_SECRET_KEY',
      })
  })

  test('where no key is configured, nothing is signed or verified', async () => {
    const config = readConfig(REST)
    await expect(signAccessToken(config, CLAIMS, NOW)).rejects.toMatchObject({ code: 'misconfigured' })
    const token = await signAccessToken(configOf(ELLIPTIC), CLAIMS, NOW)
    await expect(verifyAccessToken(config, token, NOW)).rejects.toMatchObject({ code: 'misconfigured' })
  })
})
