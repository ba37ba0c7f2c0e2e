import { decodeJwt, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Misbehavior } from './people.ts'

const ALGORITHM = 'RS256'
const EVIL = 'https://evil.example'

interface Key {
  readonly kid: string
  readonly sign: CryptoKey
  readonly published: JWK
  readonly secret: JWK
}

/** The keys of the stack's OpenID provider: the first signs, all are published. */
export interface Signer {
  readonly secretKey: JWK
  keys(): { keys: JWK[] }
  rotate(): Promise<void>
  /** Signs the claims of an ID token again, with the misbehavior. */
  sign(idToken: string, misbehavior: Misbehavior): Promise<string>
}

export async function createSigner(): Promise<Signer> {
  const first = await newKey()
  let keys = [first]
  return {
    secretKey: first.secret,
    keys: () => ({ keys: keys.map(({ published }) => published) }),
    async rotate() {
      keys = [await newKey(), ...keys.slice(0, 2)] // sign-ins in progress continue
    },
    async sign(idToken, misbehavior) {
      const claims = change(decodeJwt(idToken), misbehavior)
      if (misbehavior === 'unsigned') return unsigned(claims)
      const [key] = misbehavior === 'other_key' ? [{ ...(await newKey()), kid: keys[0]?.kid }] : keys
      if (!key) throw new Error('There is no key.')
      return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, ...(key.kid && { kid: key.kid }) }).sign(key.sign)
    },
  }
}

const CHANGES: Readonly<Partial<Record<Misbehavior, JWTPayload>>> = {
  wrong_issuer: { iss: EVIL },
  wrong_audience: { aud: 'another-client' },
  wrong_nonce: { nonce: 'of another sign-in' },
  no_nonce: { nonce: undefined },
  expired: { iat: 1_700_000_000, exp: 1_700_000_060 },
}

const change = (claims: JWTPayload, misbehavior: Misbehavior): JWTPayload =>
  JSON.parse(JSON.stringify({ ...claims, ...CHANGES[misbehavior] }))

const toPart = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const unsigned = (claims: JWTPayload) => `${toPart({ alg: 'none' })}.${toPart(claims)}.`

async function newKey(): Promise<Key> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  const names = { kid: crypto.randomUUID(), alg: ALGORITHM, use: 'sig' }
  const [published, secret] = [
    { ...(await exportJWK(publicKey)), ...names },
    { ...(await exportJWK(privateKey)), ...names },
  ]
  return { kid: names.kid, sign: privateKey, published, secret }
}

/** Changes the parameters of a response besides its code. */
export function changeResponse(location: string, misbehavior: Misbehavior): string {
  const url = new URL(location)
  if (misbehavior === 'response_issuer') url.searchParams.set('iss', EVIL)
  if (misbehavior === 'no_response_issuer') url.searchParams.delete('iss')
  if (misbehavior === 'wrong_state') url.searchParams.set('state', 'of nobody')
  return url.href
}
