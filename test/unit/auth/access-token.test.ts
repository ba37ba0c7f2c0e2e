import { base64url, CompactSign, decodeJwt, decodeProtectedHeader, EncryptJWT, SignJWT, UnsecuredJWT } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { ACCESS_TOKEN_SECONDS, signAccessToken, verifyAccessToken } from '../../../src/auth/access-token.ts'
import { readConfig } from '../../../src/config.ts'
import { utf8 } from '../../../src/lib/bytes.ts'
import { uuidv7 } from '../../../src/lib/uuid.ts'

const SECRET = 'a-secret-of-the-access-token-tests'
const config = readConfig({
  DATABASE_URL: 'postgresql://ada:pass@db.example.com/tollgate',
  UPSTASH_REDIS_REST_URL: 'https://redis.example.com',
  UPSTASH_REDIS_REST_TOKEN: 'token',
  JWT_SECRET_KEY: SECRET,
  SECRET_KEY: 'another-secret-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.example.com',
})

const NOW = 1_800_000_000_000
const SECONDS = NOW / 1000
const [SUB, SID, ORG, JTI] = [uuidv7(NOW), uuidv7(NOW), uuidv7(NOW), uuidv7(NOW)] as const
const HEADER = { alg: 'HS256', typ: 'at+jwt' }
const CLAIMS = {
  sub: SUB,
  sid: SID,
  org: ORG,
  jti: JTI,
  iss: 'https://tollgate.example.com',
  aud: 'tollgate',
  iat: SECONDS,
  exp: SECONDS + ACCESS_TOKEN_SECONDS,
}

/** A token as an attacker with the right key could make it: its content is wrong, not its signature. */
function token(claims: object = {}, header: object = {}, key = SECRET): Promise<string> {
  return new SignJWT({ ...CLAIMS, ...claims }).setProtectedHeader({ ...HEADER, ...header }).sign(utf8(key))
}

/** A correctly signed token with any header, for headers that a builder refuses to make. */
async function signBytes(header: object, claims: object): Promise<string> {
  const text = `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(claims))}`
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', utf8(SECRET), algorithm, false, ['sign'])
  return `${text}.${base64url.encode(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(text))))}`
}

/** The JSON serializations of a JWS (RFC 7515 §7.2), which a JWT never has. */
function inJson(compact: string, isGeneral: boolean): object {
  const [header, payload, signature] = compact.split('.')
  const signed = { protected: header, signature }
  return { payload, ...(isGeneral ? { signatures: [signed] } : signed) }
}

const verify = (text: string, at = NOW) => verifyAccessToken(config, text, at)
const without = (name: keyof typeof CLAIMS) => ({ [name]: undefined })

describe('a token of ours', () => {
  test('returns what it was signed with, and an id of its own', async () => {
    const signed = await signAccessToken(config, { sub: SUB, sid: SID, org: ORG }, NOW)
    const claims = await verify(signed)

    const { exp } = CLAIMS
    expect(claims).toEqual({ sub: SUB, sid: SID, org: ORG, exp, jti: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    const other = await verify(await signAccessToken(config, { sub: SUB, sid: SID, org: ORG }, NOW))
    expect(other?.jti).not.toBe(claims?.jti)
  })

  test('may act for no organization', async () => {
    const signed = await signAccessToken(config, { sub: SUB, sid: SID, org: null }, NOW)
    expect(await verify(signed)).toMatchObject({ org: null })
  })

  test('is an access token by RFC 9068: HS256, at+jwt, all registered claims, and nothing personal', async () => {
    const signed = await signAccessToken(config, { sub: SUB, sid: SID, org: ORG }, NOW)
    expect(decodeProtectedHeader(signed)).toEqual(HEADER)
    expect(decodeJwt(signed)).toEqual({ ...CLAIMS, jti: expect.any(String) })
  })

  test('made by hand with the right key passes, so the attacks below are refused for what they change', async () => {
    expect(await verify(await token())).toEqual({ sub: SUB, sid: SID, org: ORG, jti: JTI, exp: CLAIMS.exp })
  })
})

describe('v5.0.0-9.2.1: time', () => {
  const LIFE_MS = ACCESS_TOKEN_SECONDS * 1000
  const TOLERANCE_MS = 30_000

  test.each([
    ['at once', 0, true],
    ['to the last moment', LIFE_MS - 1, true],
    ['not at its end', LIFE_MS, false],
    ['not a second after', LIFE_MS + 1_000, false],
    ['nor in a year', 365 * 86_400_000, false],
    ['where the clock is behind, as much as clocks may differ', -TOLERANCE_MS, true],
    ['not where it is behind more', -TOLERANCE_MS - 1_000, false],
  ])('a token is valid for half an hour: %s', async (_, after, isGood) => {
    expect((await verify(await token(), NOW + after)) !== undefined).toBe(isGood)
  })

  test('a token that claims a longer life is limited to half an hour', async () => {
    const long = await token({ exp: SECONDS + 86_400 })
    expect(await verify(long, NOW + LIFE_MS - 1)).toBeDefined()
    expect(await verify(long, NOW + LIFE_MS)).toBeUndefined()
  })

  test('a token that is not valid yet is refused', async () => {
    expect(await verify(await token({ nbf: SECONDS + 31 }))).toBeUndefined()
  })
})

describe('v5.0.0-9.1.1, v5.0.0-9.1.2, v5.0.0-9.1.3: attacks on the signature', () => {
  test.each(['none', 'None', 'NONE', 'nOnE'])('the algorithm %s, unsigned', async (alg) => {
    const [, payload] = (await token()).split('.')
    const header = base64url.encode(JSON.stringify({ ...HEADER, alg }))
    for (const signature of ['', 'AA']) expect(await verify(`${header}.${payload}.${signature}`)).toBeUndefined()
  })

  test('an unsecured token made by a library', async () => {
    expect(await verify(new UnsecuredJWT(CLAIMS).encode())).toBeUndefined()
  })

  test.each(['HS384', 'HS512'])('the algorithm %s with the right key', async (alg) => {
    expect(await verify(await token({}, { alg }, SECRET.repeat(3)))).toBeUndefined()
    const longer = { ...config, JWT_SECRET_KEY: SECRET.repeat(3) }
    expect(await verifyAccessToken(longer, await token({}, { alg }, SECRET.repeat(3)), NOW)).toBeUndefined()
  })

  test("an attacker's key pair, with its public key in the header", async () => {
    const pair = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey)
    const signed = await new SignJWT(CLAIMS)
      .setProtectedHeader({ ...HEADER, alg: 'ES256', jwk: jwk as object })
      .sign(pair.privateKey)
    expect(await verify(signed)).toBeUndefined()
  })

  test('another key, even one that differs in a single character', async () => {
    expect(await verify(await token({}, {}, SECRET.toUpperCase()))).toBeUndefined()
    expect(await verify(await token({}, {}, `${SECRET.slice(0, -1)}S`))).toBeUndefined()
    expect(await verify(await token({}, {}, config.SECRET_KEY))).toBeUndefined()
  })

  test('one changed character, at any place', async () => {
    const good = await token()
    for (let at = 0; at < good.length - 1; at++) {
      const changed = good.slice(0, at) + (good[at] === 'x' ? 'y' : 'x') + good.slice(at + 1)
      expect(await verify(changed), changed).toBeUndefined()
    }
  })

  test('the claims of one token under the signature of another', async () => {
    const [header, payload] = (await token({ org: uuidv7(NOW) })).split('.')
    const [, , signature] = (await token()).split('.')
    expect(await verify(`${header}.${payload}.${signature}`)).toBeUndefined()
  })

  test.each([
    ['nothing', () => ''],
    ['dots', () => '..'],
    ['two parts', (good: string) => good.split('.').slice(0, 2).join('.')],
    ['four parts', (good: string) => `${good}.x`],
    ['no signature', (good: string) => good.slice(0, good.lastIndexOf('.') + 1)],
    ['a space before', (good: string) => ` ${good}`],
    ['a line after', (good: string) => `${good}\n`],
    ['padding', (good: string) => `${good}=`],
    ['JSON', () => JSON.stringify(CLAIMS)],
    ['the general JSON serialization', (good: string) => JSON.stringify(inJson(good, true))],
    ['the flattened JSON serialization', (good: string) => JSON.stringify(inJson(good, false))],
    ['other letters of base64', (good: string) => good.replaceAll('-', '+').replaceAll('_', '/').concat('/')],
    [
      'a part of a length that no base64 has',
      (good: string) => good.replace('.', 'A'.repeat(5 - (good.indexOf('.') % 4)).concat('.')),
    ],
    ['a letter that is like another', (good: string) => good.replace('e', '\u0435')],
    ['more than 4,096 characters', async () => token({ more: 'x'.repeat(4_096) })],
    ['a megabyte', () => 'x'.repeat(1_000_000)],
    ['a megabyte of dots', () => '.'.repeat(1_000_000)],
  ])('a text that is not a token: %s', async (_, made) => {
    expect(await verify(await made(await token()))).toBeUndefined()
  })

  test('the last character in another spelling, whose extra bits a decoder drops', async () => {
    const good = await token()
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spellings = [...alphabet].map((letter) => good.slice(0, -1) + letter)
    const taken = await Promise.all(spellings.map(async (text) => ((await verify(text)) ? [text] : [])))
    expect(taken.flat()).toEqual([good])
  })

  test.each([
    ['jku', 'https://attacker.example.com/jwks.json'],
    ['x5u', 'https://attacker.example.com/cert.pem'],
    ['jwk', { kty: 'oct', k: base64url.encode(SECRET) }],
    ['x5c', ['MIIB']],
    ['x5t', 'AAAA'],
    ['kid', 'a-key-that-is-not-configured'],
    ['kid', '../../../../dev/null'],
    ['kid', "' or '1'='1"],
    ['kid', ''],
    ['kid', null],
    ['kid', ['x']],
    ['zip', 'DEF'],
    ['cty', 'JWT'],
    ['url', 'https://tollgate.example.com'],
  ])('a header with a %s of %j, even under the right key; it is never fetched', async (name, value) => {
    const asked = vi.spyOn(globalThis, 'fetch')
    expect(await verify(await signBytes({ ...HEADER, [name]: value }, CLAIMS))).toBeUndefined()
    expect(asked).not.toHaveBeenCalled()
    asked.mockRestore()
  })

  test('an encrypted token, and one whose header demands an unknown extension', async () => {
    const encrypted = await new EncryptJWT(CLAIMS)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: 'at+jwt' })
      .encrypt(utf8(SECRET).slice(0, 32))
    expect(await verify(encrypted)).toBeUndefined()
    const [, payload, signature] = (await token()).split('.')
    const header = base64url.encode(JSON.stringify({ ...HEADER, crit: ['exp'], exp: 1 }))
    expect(await verify(`${header}.${payload}.${signature}`)).toBeUndefined()
  })
})

describe('v5.0.0-9.2.2, v5.0.0-9.2.3: correctly signed, but not for this', () => {
  test.each([
    ['another type', {}, { typ: 'JWT' }],
    ['the type of an ID token', {}, { typ: 'id_token+jwt' }],
    ['no type', {}, { typ: undefined }],
    ['another audience', { aud: 'tollgate-dashboard' }, {}],
    ['the audience in capitals', { aud: 'Tollgate' }, {}],
    ['an empty audience', { aud: [] }, {}],
    ['another issuer', { iss: 'https://tollgate.example.org' }, {}],
    ['the issuer with a slash', { iss: 'https://tollgate.example.com/' }, {}],
    ['issuers in a list', { iss: ['https://tollgate.example.com'] }, {}],
  ])('%s', async (_, claims, header) => {
    expect(await verify(await token(claims, header))).toBeUndefined()
  })

  test.each(Object.keys(CLAIMS) as (keyof typeof CLAIMS)[])('no %s', async (name) => {
    expect(await verify(await token(without(name)))).toBeUndefined()
  })

  test.each([
    ['sub', 'ada'],
    ['sub', ''],
    ['sub', null],
    ['sub', 1],
    ['sub', { id: SUB }],
    ['sub', [SUB]],
    ['sid', null],
    ['sid', `${SID} `],
    ['org', ''],
    ['org', 'null'],
    ['org', false],
    ['org', { $ne: null }],
    ['jti', null],
    ['jti', 'x'],
    ['exp', String(SECONDS + 60)],
    ['exp', null],
    ['exp', SECONDS - 31],
    ['iat', String(SECONDS)],
    ['iat', null],
  ] as const)('%s is %j', async (name, value) => {
    // jose's own builder checks shapes too, so the payload is signed as plain bytes
    const signed = await new CompactSign(utf8(JSON.stringify({ ...CLAIMS, [name]: value })))
      .setProtectedHeader(HEADER)
      .sign(utf8(SECRET))
    expect(await verify(signed)).toBeUndefined()
  })

  test.each([
    ['another token', async () => token()],
    ['a text in JSON', async () => JSON.stringify(await token())],
    ['a list', async () => JSON.stringify([CLAIMS])],
    ['claims one level down', async () => JSON.stringify({ claims: CLAIMS })],
    ['claims on a prototype', async () => `{"__proto__":${JSON.stringify(CLAIMS)}}`],
    ['null', async () => 'null'],
    ['a number', async () => '1'],
    ['nothing', async () => ''],
    ['half of a JSON text', async () => JSON.stringify(CLAIMS).slice(0, -1)],
  ])('a payload that is %s', async (_, payload) => {
    const signed = await new CompactSign(utf8(await payload())).setProtectedHeader(HEADER).sign(utf8(SECRET))
    expect(await verify(signed)).toBeUndefined()
  })

  test('other claims of a token are not passed on', async () => {
    expect(Object.keys((await verify(await token({ role: 'owner', scopes: ['*'] }))) ?? {}).toSorted()).toEqual([
      'exp',
      'jti',
      'org',
      'sid',
      'sub',
    ])
  })
})
