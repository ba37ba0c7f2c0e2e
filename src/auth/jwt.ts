import { base64url, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'
import type { Config } from '../config.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { keyRing } from './key-ring.ts'

/** Tokens of this deployment are for this deployment; what each is for is told by its type. */
const AUDIENCE = 'tollgate'
/** How far the clock of an issuer may be fast. A token is never good after its own end. */
const CLOCK_TOLERANCE_SECONDS = 30
/** Ours have some 600; what is longer is refused before anything is decoded. */
const MAX_CHARACTERS = 4_096
/** Base64url and dots alone (RFC 7515 §3.1): a decoder also takes padding, and one token would have many spellings. */
const COMPACT = /^[\w-]+\.[\w-]+\.([\w-]+)$/

interface NewToken {
  /** What kind of token it is (RFC 8725 §3.11), so that no other kind of ours passes for it. */
  readonly typ: string
  readonly ttlSeconds: number
  /** `sub` and what else is to be said; issuer, audience, times and `jti` are added. */
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
  /** The most a token of this kind may live, whatever it says itself. */
  readonly ttlSeconds: number
  /** The shape of its claims; what it leaves out is not handed on. */
  readonly claims: Claims
}

/**
 * Verifies a token of ours (RFC 8725): its key by `kid` from the configuration and nowhere else, the algorithm that this
 * key has, issuer, audience, type and times, and the shape of its claims. A header that says more than `alg`, `typ` and
 * `kid` is refused: `jwk`, `jku`, `x5u` bring keys along, `crit`, `zip` and `b64` change what is signed.
 *
 * @param at Unix milliseconds
 * @returns the claims, or `undefined` for every way in which a token can be wrong
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
    return at < endsAt ? claims.parse(payload) : undefined // the tolerance is for beginnings alone
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
    // the last character has bits that decoding drops: only one spelling of a signature is taken
    if (base64url.encode(base64url.decode(signature)) !== signature) return undefined
    return Header.parse(decodeProtectedHeader(token))
  } catch {
    return undefined
  }
}
