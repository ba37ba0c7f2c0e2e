import type { Context } from 'hono'
import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import type { ManagementEnv } from '../../auth/env.ts'
import { Problem } from '../../problems.ts'
import { completeCode } from '../identities/complete-code.ts'
import { COMPLETION_FAILS, Completion } from '../identities/schemas.ts'
import { login } from '../login.ts'
import { PasskeySignIn } from '../passkeys/schemas.ts'
import { signInWithPasskey } from '../passkeys/sign-in.ts'
import { Login, type Tokens } from '../schemas.ts'
import { logout } from '../sessions/logout.ts'
import { refresh } from '../sessions/refresh.ts'
import { completeLogin } from '../two-factor/challenge.ts'
import { Challenge, Complete } from '../two-factor/schemas.ts'
import { clearSessionCookie, readSessionCookie, requireOwnOrigin, writeSessionCookie } from './cookie.ts'

/**
 * Sign-in for pages of this deployment. The refresh token stays in a cookie that no script can read; the page gets only the
 * access token.
 */
const tag = 'Browser sessions'

const BrowserTokens = z
  .object({
    access_token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.int().meta({ description: 'Seconds until the access token expires.' }),
  })
  .meta({ id: 'BrowserTokens' })

const loginRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/login',
  tag,
  operationId: 'signInBrowser',
  summary: 'Sign in from a page of this deployment',
  description:
    'Like `login`, but the refresh token is set as the cookie `__Host-session` (HttpOnly, Secure, SameSite=Strict). Requires the `Origin` of this deployment.',
  body: Login,
  returns: { 200: z.union([BrowserTokens, Challenge]) },
  fails: ['invalid_credentials', 'foreign_origin', 'rate_limited'],
})

const verifyRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/2fa/verify',
  tag,
  operationId: 'verifyBrowserTwoFactor',
  summary: 'Complete a sign-in from a page of this deployment',
  description: 'Accepts the challenge from `browser/login` and a code or a passkey, and sets the cookie.',
  body: Complete,
  returns: { 200: BrowserTokens },
  fails: [
    'invalid_code',
    'invalid_passkey',
    'two_factor_locked',
    'invalid_challenge',
    'foreign_origin',
    'rate_limited',
  ],
})

const signInRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/sign-in',
  tag,
  operationId: 'completeBrowserSignIn',
  summary: 'Complete a sign-in without a password from a page of this deployment',
  description: 'Like `sign-in/complete`, but also sets the cookie.',
  body: Completion,
  returns: { 200: z.union([BrowserTokens, Challenge]) },
  fails: [...COMPLETION_FAILS, 'foreign_origin'],
})

const passkeyRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/passkey',
  tag,
  operationId: 'signInBrowserWithPasskey',
  summary: 'Sign in with a passkey from a page of this deployment',
  description: 'Like `passkeys/sign-in`, but also sets the cookie.',
  body: PasskeySignIn,
  returns: { 200: BrowserTokens },
  fails: ['invalid_passkey', 'invalid_credentials', 'foreign_origin', 'rate_limited'],
})

const refreshRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/refresh',
  tag,
  operationId: 'refreshBrowserTokens',
  summary: 'Get a new access token for a page of this deployment',
  description: 'Exchanges the refresh token in the cookie, and sets its successor.',
  returns: { 200: BrowserTokens },
  fails: ['invalid_refresh_token', 'foreign_origin', 'rate_limited'],
})

const logoutRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/browser/logout',
  tag,
  operationId: 'signOutBrowser',
  summary: 'Sign out of the pages of this deployment',
  description: 'Ends the session of the cookie, and removes the cookie. Also succeeds without a session.',
  returns: { 204: null },
  fails: ['foreign_origin'],
})

export const browserRoutes = newRouter()
  .openapi(loginRoute, async (c) => {
    requireOwnOrigin(c)
    return c.json(await keepUnlessChallenged(c, await login(c.var.deps, c.req.valid('json'))), 200)
  })
  .openapi(signInRoute, async (c) => {
    requireOwnOrigin(c)
    return c.json(await keepUnlessChallenged(c, await completeCode(c.var.deps, c.req.valid('json'))), 200)
  })
  .openapi(passkeyRoute, async (c) => {
    requireOwnOrigin(c)
    const { passkey } = c.req.valid('json')
    return c.json(await keepInCookie(c, await signInWithPasskey(c.var.deps, passkey)), 200)
  })
  .openapi(verifyRoute, async (c) => {
    requireOwnOrigin(c)
    const { challenge_token, ...factor } = c.req.valid('json')
    return c.json(await keepInCookie(c, await completeLogin(c.var.deps, challenge_token, factor)), 200)
  })
  .openapi(refreshRoute, async (c) => {
    requireOwnOrigin(c)
    const token = readSessionCookie(c)
    if (!token) throw new Problem('invalid_refresh_token')
    return c.json(writeAndStrip(c, await refresh(c.var.deps, token)), 200)
  })
  .openapi(logoutRoute, async (c) => {
    requireOwnOrigin(c)
    const token = readSessionCookie(c)
    if (token) await logout(c.var.deps, undefined, token)
    clearSessionCookie(c)
    return c.body(null, 204)
  })

async function keepUnlessChallenged(
  c: Context<ManagementEnv>,
  answer: z.output<typeof Tokens> | z.output<typeof Challenge>,
) {
  return 'challenge_token' in answer ? answer : keepInCookie(c, answer)
}

/** A new sign-in ends the session that the browser had (ASVS 7.2.4). */
async function keepInCookie(c: Context<ManagementEnv>, tokens: z.output<typeof Tokens>) {
  const before = readSessionCookie(c)
  if (before) await logout(c.var.deps, undefined, before)
  return writeAndStrip(c, tokens)
}

function writeAndStrip(c: Context<ManagementEnv>, { refresh_token, ...rest }: z.output<typeof Tokens>) {
  writeSessionCookie(c, refresh_token)
  return rest
}
