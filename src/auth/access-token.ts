import * as z from 'zod'
import type { Config } from '../config.ts'
import { signToken, verifyToken } from './jwt.ts'

export const ACCESS_TOKEN_SECONDS = 30 * 60
/** RFC 9068: says what kind of token this is. */
const TYPE = 'at+jwt'

const Claims = z.object({
  sub: z.uuid(),
  sid: z.uuid(),
  org: z.uuid().nullable(),
  jti: z.uuid(),
  /** Who acts as the subject (RFC 8693 §4.1): the administrator behind a support session. */
  act: z.object({ sub: z.uuid() }).optional(),
})

export type AccessClaims = z.output<typeof Claims>

/** @param at Unix milliseconds */
export function signAccessToken(
  config: Config,
  { sub, sid, org, act }: Omit<AccessClaims, 'jti'>,
  at: number,
  ttlSeconds = ACCESS_TOKEN_SECONDS,
): Promise<string> {
  return signToken(config, { typ: TYPE, ttlSeconds, claims: { sub, sid, org, ...(act && { act }) } }, at)
}

/**
 * Verifies an access token: all that {@link verifyToken} does, for this kind and its claims.
 *
 * @param at Unix milliseconds
 * @returns the claims, or `undefined` for every way in which a token can be wrong
 */
export function verifyAccessToken(config: Config, token: string, at: number): Promise<AccessClaims | undefined> {
  return verifyToken(config, token, { typ: TYPE, ttlSeconds: ACCESS_TOKEN_SECONDS, claims: Claims }, at)
}
