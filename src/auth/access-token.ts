import * as z from 'zod'
import type { Config } from '../config.ts'
import { signToken, verifyToken } from './jwt.ts'

export const ACCESS_TOKEN_SECONDS = 30 * 60
/** RFC 9068: the token's type. */
const TYPE = 'at+jwt'

const Claims = z.object({
  sub: z.uuid(),
  sid: z.uuid(),
  org: z.uuid().nullable(),
  jti: z.uuid(),
  /** The actor (RFC 8693 §4.1): the administrator behind a support session. */
  act: z.object({ sub: z.uuid() }).optional(),
  /** Seconds since 1970. */
  exp: z.int(),
})

export type AccessClaims = z.output<typeof Claims>

/** @param at Unix milliseconds */
export function signAccessToken(
  config: Config,
  { sub, sid, org, act }: Omit<AccessClaims, 'jti' | 'exp'>,
  at: number,
  ttlSeconds = ACCESS_TOKEN_SECONDS,
): Promise<string> {
  return signToken(config, { typ: TYPE, ttlSeconds, claims: { sub, sid, org, ...(act && { act }) } }, at)
}

/**
 * Verifies an access token: everything that {@link verifyToken} checks, for this type and its claims.
 *
 * @param at Unix milliseconds
 * @returns the claims, or `undefined` for any invalid token
 */
export function verifyAccessToken(config: Config, token: string, at: number): Promise<AccessClaims | undefined> {
  return verifyToken(config, token, { typ: TYPE, ttlSeconds: ACCESS_TOKEN_SECONDS, claims: Claims }, at)
}
