import { base64url, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'
import type { Config } from '../config.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { keyRing } from './key-ring.ts'

/** The audience of every token is this deployment. A token's type says what it is for. */
const AUDIENCE = 'tollgate'
/** How far an issuer's clock may be ahead. It does not extend the expiry. */
const CLOCK_TOLERANCE_SECONDS = 30
/** Tollgate's tokens have about 600 characters. Longer ones are refused before they are decoded. */
const MAX_CHARACTERS = 4_096
/**
 * Base64url and dots only (RFC 7515 §3.1): a decoder also accepts padding, which would give one token several
 * spellings.
 */
const COMPACT = /^[\w-]+\.[\w-]+\.([\w-]+)$/

interface NewToken {
  /** The token's type (RFC 8725 §3.11), so that it cannot be used as another type. */
  readonly typ: string
  readonly ttlSeconds: number
  /** `sub` and other claims. Issuer, audience, times and `jti` are added. */
  readonly claims: Readonly<Record<string, unknown>> & { readonly sub: string }
}

/** @param at Unix milliseconds */
export async function signToken(config: Config, { typ, ttlSeconds, claims }: NewToken, at: number): Promise<string> {
  const { kid, alg, signing } = (await keyRing(config)).signer
  const issuedAt = Math.floor(at / 1000)
  return new SignJWT(claims)
    .setProtectedHeader({ alg, typ, ...(kid !== undefined && { kid }) })
    .setIssuer(config.PUBLIC_URL)
    .setAudience(AUDIENCE)
    .setJti(uuidv7(at))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttlSeconds)
    .sign(signing)
}

interface ExpectedToken<Claims extends z.ZodType> {
  readonly typ: string
  /** The longest life of a token of this type, whatever the token says. */
  readonly ttlSeconds: number
  /** The schema of its claims. Other claims are dropped. */
  readonly claims: Claims
}

/**
 * Verifies a token of this deployment (RFC 8725): its key by `kid`, only from the configuration; the algorithm of this
 * key; issuer, audience, type and times; and the shape of its claims. A header with more than `alg`, `typ` and `kid` is
 * refused: `jwk`, `jku` and `x5u` bring their own keys, and `crit`, `zip` and `b64` change what is signed.
 *
 * @param at Unix milliseconds
 * @returns the claims, or `undefined` for any invalid token
 * @throws Problem `misconfigured` when a configured key cannot be used
 */
export async function verifyToken<Claims extends z.ZodType>(
  config: Config,
  token: string,
  { typ, ttlSeconds, claims }: ExpectedToken<Claims>,
  at: number,
): Promise<z.output<Claims> | undefined> {
  const header = readHeader(token)
  if (header?.typ !== typ) return undefined
  const key = (await keyRing(config)).byKid.get(header.kid)
  if (!key || key.alg !== header.alg) return undefined
  try {
    const { payload } = await jwtVerify(token, key.verifying, {
      algorithms: [key.alg],
      issuer: config.PUBLIC_URL,
      audience: AUDIENCE,
      typ,
      requiredClaims: ['iat', 'exp'],
      maxTokenAge: ttlSeconds,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(at),
    })
    const endsAt = Math.min(Number(payload.exp), Number(payload.iat) + ttlSeconds) * 1000
    return at < endsAt ? claims.parse(payload) : undefined // the tolerance applies only to the start
  } catch {
    return undefined
  }
}

const Header = z.strictObject({ alg: z.string(), typ: z.string(), kid: z.string().optional() })

function readHeader(token: string): z.output<typeof Header> | undefined {
  if (token.length > MAX_CHARACTERS) return undefined
  const signature = COMPACT.exec(token)?.[1]
  if (signature === undefined) return undefined
  try {
    // decoding drops bits of the last character; only one spelling of a signature is accepted
    if (base64url.encode(base64url.decode(signature)) !== signature) return undefined
    return Header.parse(decodeProtectedHeader(token))
  } catch {
    return undefined
  }
}
