import * as z from 'zod'
import type { Config } from '../config.ts'
import { signToken, verifyToken } from './jwt.ts'
import { PERMISSIONS } from './roles.ts'

/** A working day. The portal has no refresh tokens: the operator's back end makes another link. */
export const PORTAL_TOKEN_SECONDS = 8 * 3600
/** Differs from the type of every other token, so that neither is accepted as the other (RFC 8725 §3.11). */
const TYPE = 'portal+jwt'

const Claims = z.object({
  /** The portal session. */
  sub: z.uuid(),
  org: z.uuid(),
  /** The service key that created the session. */
  key: z.uuid(),
  scopes: z.array(z.enum(PERMISSIONS)),
  /** The person, as named by the back end. */
  for: z.string().optional(),
})

export type PortalClaims = z.output<typeof Claims>

/** `exp` is in seconds since 1970. */
const Signed = Claims.extend({ exp: z.int() })

/** @param at Unix milliseconds */
export function signPortalToken(config: Config, claims: PortalClaims, at: number): Promise<string> {
  return signToken(config, { typ: TYPE, ttlSeconds: PORTAL_TOKEN_SECONDS, claims }, at)
}

/**
 * @param at Unix milliseconds
 * @returns the claims, or `undefined` for any other token
 */
export function verifyPortalToken(
  config: Config,
  token: string,
  at: number,
): Promise<z.output<typeof Signed> | undefined> {
  return verifyToken(config, token, { typ: TYPE, ttlSeconds: PORTAL_TOKEN_SECONDS, claims: Signed }, at)
}
