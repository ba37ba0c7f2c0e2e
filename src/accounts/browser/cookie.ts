import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { ManagementEnv } from '../../auth/env.ts'
import { Problem } from '../../problems.ts'
import { IDLE_MS } from '../sessions/refresh-token.ts'

/**
 * The cookie with the refresh token of a browser's session. No script can read it, and no other host can set it (RFC
 * 6265bis §4.1.3.2, ASVS 3.3.1).
 */
const COOKIE = 'session'
/** The attributes of every cookie of this deployment. */
export const COOKIE_ATTRIBUTES = {
  prefix: 'host',
  path: '/',
  secure: true,
  httpOnly: true,
  sameSite: 'Strict',
} as const

export const readSessionCookie = (c: Context): string | undefined => getCookie(c, COOKIE, 'host')

export function writeSessionCookie(c: Context, refreshToken: string): void {
  setCookie(c, COOKIE, refreshToken, { ...COOKIE_ATTRIBUTES, maxAge: Math.floor(IDLE_MS / 1_000) })
}

export function clearSessionCookie(c: Context): void {
  deleteCookie(c, COOKIE, COOKIE_ATTRIBUTES)
}

/**
 * Refuses requests from pages of other origins, and requests that no page sent. Browsers send `Origin` with every POST,
 * and pages cannot change it (ASVS 3.5.1).
 *
 * @throws Problem `foreign_origin`
 */
export function requireOwnOrigin(c: Context<ManagementEnv>): void {
  const origin = c.req.header('Origin')
  const own = [c.var.deps.config.PUBLIC_URL, c.req.url].map((url) => new URL(url).origin)
  if (!origin || !own.includes(origin)) throw new Problem('foreign_origin')
}
