import * as z from 'zod'
import { apiRoute, newRouter } from '../api/api-route.ts'
import { audited } from '../audit/record.ts'
import { runBatch } from '../db/batch.ts'
import { readCredential } from '../http/credentials.ts'
import { login } from './login.ts'
import { changePassword } from './passwords/change.ts'
import { updateUserName } from './queries.ts'
import { register } from './register.ts'
import { Login, Logout, PasswordChange, ProfileChange, Refresh, Registration, Tokens, User } from './schemas.ts'
import { logout } from './sessions/logout.ts'
import { refresh } from './sessions/refresh.ts'
import { Challenge } from './two-factor/schemas.ts'
import { getOwnProfile } from './user.ts'

const tag = 'Accounts'

const registerRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/register',
  tag,
  operationId: 'registerUser',
  summary: 'Register',
  description: 'Creates an account and an organization that it owns.',
  body: Registration,
  returns: { 201: User },
  fails: [
    'email_taken',
    'registration_closed',
    'registration_domain_not_allowed',
    'person_unproven',
    'email_disposable',
    'rate_limited',
  ],
})

const loginRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/login',
  tag,
  operationId: 'signInUser',
  summary: 'Sign in',
  description: 'If a second factor is enabled, the response is a challenge for `2fa/verify` instead.',
  body: Login,
  returns: { 200: z.union([Tokens, Challenge]) },
  fails: ['invalid_credentials', 'rate_limited'],
})

const refreshRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/refresh',
  tag,
  operationId: 'refreshTokens',
  summary: 'Exchange a refresh token',
  description: 'Each refresh token works once. The response contains its successor.',
  body: Refresh,
  returns: { 200: Tokens },
  fails: ['invalid_refresh_token', 'rate_limited'],
})

const logoutRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/logout',
  tag,
  operationId: 'signOutUser',
  summary: 'Sign out',
  description: 'Ends the session of the bearer token, of the refresh token in the body, or of both.',
  optionalBody: Logout,
  returns: { 204: null },
  fails: ['unauthenticated'],
})

const getMeRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/me',
  tag,
  operationId: 'getProfile',
  summary: 'Get my profile',
  returns: { 200: User },
})

const putMeRoute = apiRoute({
  allow: 'user',
  method: 'put',
  path: '/auth/me',
  tag,
  operationId: 'updateProfile',
  summary: 'Change my profile',
  credentials: true,
  body: ProfileChange,
  returns: { 200: User },
})

const passwordChange = {
  allow: 'user',
  tag,
  summary: 'Change my password',
  credentials: true,
  description: 'Ends every other session.',
  body: PasswordChange,
  returns: { 204: null },
  fails: ['wrong_password', 'rate_limited'],
} as const
const changePasswordRoute = apiRoute({
  ...passwordChange,
  operationId: 'changePassword',
  method: 'post',
  path: '/auth/password/change',
  repeatable: true,
})
const putPasswordRoute = apiRoute({
  ...passwordChange,
  operationId: 'setPassword',
  method: 'put',
  path: '/auth/password',
})

export const accountRoutes = newRouter()
  .openapi(registerRoute, async (c) => c.json(await register(c.var.deps, c.req.valid('json')), 201))
  .openapi(loginRoute, async (c) => c.json(await login(c.var.deps, c.req.valid('json')), 200))
  .openapi(refreshRoute, async (c) => c.json(await refresh(c.var.deps, c.req.valid('json').refresh_token), 200))
  .openapi(logoutRoute, async (c) => {
    await logout(c.var.deps, readCredential(c.req.raw), c.req.valid('json').refresh_token)
    return c.body(null, 204)
  })
  .openapi(getMeRoute, async (c) => c.json(await getOwnProfile(c.var.deps, c.var.user), 200))
  .openapi(putMeRoute, async (c) => {
    const { deps, user } = c.var
    const { userId, organizationId } = user
    await runBatch(deps.db, {
      user: updateUserName(deps.db, userId, c.req.valid('json').name),
      audit: audited(deps, {
        action: 'account.updated',
        actor: user,
        organizationId,
        target: { type: 'user', id: userId },
      }),
    })
    return c.json(await getOwnProfile(deps, user), 200)
  })
  .openapi(changePasswordRoute, async (c) => {
    await changePassword(c.var.deps, c.var.user, c.req.valid('json'))
    return c.body(null, 204)
  })
  .openapi(putPasswordRoute, async (c) => {
    await changePassword(c.var.deps, c.var.user, c.req.valid('json'))
    return c.body(null, 204)
  })
