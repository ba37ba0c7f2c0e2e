import { jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'
import type { Config } from '../config.ts'
import { utf8 } from '../lib/bytes.ts'
import { uuidv7 } from '../lib/uuid.ts'

export const ACCESS_TOKEN_SECONDS = 30 * 60
const ALGORITHM = 'HS256'
/** RFC 9068: says what kind of token this is, so that no other kind of ours passes for one. */
const TYPE = 'at+jwt'
const AUDIENCE = 'tollgate'
/** How far the clocks of issuer and verifier may differ. */
const CLOCK_TOLERANCE_SECONDS = 30
/** Base64url and dots alone (RFC 7515 §3.1): a decoder also takes padding, and one token would have many spellings. */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

const Claims = z.object({ sub: z.uuid(), sid: z.uuid(), org: z.uuid().nullable(), jti: z.uuid() })

export type AccessClaims = z.output<typeof Claims>

/** @param at Unix milliseconds */
export function signAccessToken(
  config: Config,
  { sub, sid, org }: Omit<AccessClaims, 'jti'>,
  at: number,
): Promise<string> {
  const issuedAt = Math.floor(at / 1000)
  return new SignJWT({ sid, org })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE })
    .setIssuer(config.PUBLIC_URL)
    .setAudience(AUDIENCE)
    .setSubject(sub)
    .setJti(uuidv7(at))
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ACCESS_TOKEN_SECONDS)
    .sign(utf8(config.JWT_SECRET_KEY))
}

/**
 * Verifies an access token (RFC 8725): fixed algorithm, issuer, audience and type, all claims required, and their shapes.
 *
 * @param at Unix milliseconds
 * @returns the claims, or `undefined` for every way in which a token can be wrong
 */
export async function verifyAccessToken(config: Config, token: string, at: number): Promise<AccessClaims | undefined> {
  if (!COMPACT.test(token)) return undefined
  try {
    const { payload } = await jwtVerify(token, utf8(config.JWT_SECRET_KEY), {
      algorithms: [ALGORITHM],
      issuer: config.PUBLIC_URL,
      audience: AUDIENCE,
      typ: TYPE,
      requiredClaims: ['sub', 'sid', 'org', 'iat', 'exp', 'jti'],
      maxTokenAge: ACCESS_TOKEN_SECONDS,
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(at),
    })
    return Claims.parse(payload)
  } catch {
    return undefined
  }
}
