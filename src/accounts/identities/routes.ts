import * as z from 'zod'
import { apiRoute, newRouter } from '../../api/api-route.ts'
import { reauthentication } from '../../api/reauthentication.ts'
import { holds } from '../../db/conditions.ts'
import { uuid } from '../../http/fields.ts'
import { EmailSignIn, EmailSignInSent } from '../email/schemas.ts'
import { beginEmailSignIn } from '../email/sign-in.ts'
import { requireOwner } from '../passwords/reauthenticate.ts'
import { Tokens } from '../schemas.ts'
import { HAS_SSO } from '../sso/queries.ts'
import { SsoSignIn } from '../sso/schemas.ts'
import { beginSsoSignIn } from '../sso/sign-in.ts'
import { describeCheck } from '../turnstile.ts'
import { Challenge } from '../two-factor/schemas.ts'
import { emailMethod } from '../ways-in.ts'
import { beginSignIn } from './begin.ts'
import { completeCode } from './complete-code.ts'
import { linkOwnIdentity, listOwnIdentities, unlinkOwnIdentity } from './link.ts'
import {
  COMPLETION_FAILS,
  Completion,
  Identities,
  Identity,
  Link,
  Methods,
  SignIn,
  SignInPage,
  Unlink,
} from './schemas.ts'

const tag = 'Sign-in without a password'

const methodsRoute = apiRoute({
  allow: 'anyone',
  method: 'get',
  path: '/auth/sign-in/methods',
  tag,
  operationId: 'getSignInMethods',
  summary: 'Get the ways to sign in without a password',
  description: 'The identity providers of this deployment, and what it sends by email. Passkeys always work.',
  returns: { 200: Methods },
})

const beginRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/sign-in',
  tag,
  operationId: 'beginSignIn',
  summary: 'Begin to sign in at an identity provider',
  description: `Returns the URL of the provider's page. Afterwards the browser returns to \`return_to\` with a \`sign_in_code\`: pass it to
\`sign-in/complete\` to sign in, or to \`auth/identities\` to link the identity. If the sign-in fails, it returns with a
\`sign_in_error\`: \`canceled\`, \`refused\`, \`unavailable\` or \`expired\`.`,
  body: SignIn,
  returns: { 200: SignInPage },
  fails: ['identity_provider_unavailable', 'rate_limited'],
})

const emailRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/sign-in/email',
  tag,
  operationId: 'beginEmailSignIn',
  summary: 'Begin to sign in by email',
  description: `Sends a code of eight digits, or a link to \`return_to\` with a \`sign_in_code\`. \`sign-in/complete\` accepts either, with the
\`code_verifier\` of the page that requested it. The response is the same whether or not the address has an account. If it has none,
the first sign-in creates one, if the deployment allows registration.`,
  body: EmailSignIn,
  returns: { 202: EmailSignInSent },
  fails: ['email_sign_in_off', 'rate_limited'],
})

const ssoRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/sign-in/sso',
  tag,
  operationId: 'beginSsoSignIn',
  summary: "Begin to sign in by an organization's single sign-on",
  description: `Returns the URL of the page of the identity provider of the organization that has verified the domain of the address. It continues
like \`auth/sign-in\`. The session acts for that organization at first, and ends after twelve hours.`,
  body: SsoSignIn,
  returns: { 200: SignInPage },
  fails: ['sso_not_found', 'identity_provider_unavailable', 'rate_limited'],
})

const completeRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/sign-in/complete',
  tag,
  operationId: 'completeSignIn',
  summary: 'Complete a sign-in without a password',
  description: `Accepts the code from an identity provider, a single sign-on or an email. Signs in, and creates an account the first
time. If a second factor is enabled, the response is a challenge for \`2fa/verify\` instead.`,
  body: Completion,
  returns: { 200: z.union([Tokens, Challenge]) },
  fails: COMPLETION_FAILS,
})

const listRoute = apiRoute({
  allow: 'user',
  method: 'get',
  path: '/auth/identities',
  tag,
  operationId: 'listIdentities',
  summary: 'List my identities',
  description: 'The accounts at identity providers that can sign in to this account, newest first.',
  returns: { 200: Identities },
})

const linkRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/identities',
  tag,
  operationId: 'linkIdentity',
  summary: 'Link an identity',
  description:
    'Accepts a code from `auth/sign-in`. The identity may have any email address. Linking one twice changes nothing.',
  repeatable: true,
  credentials: true,
  body: Link,
  returns: { 200: Identity },
  fails: [...reauthentication, 'invalid_sign_in', 'identity_taken'],
})

const unlinkRoute = apiRoute({
  allow: 'user',
  method: 'delete',
  path: '/auth/identities/{id}',
  tag,
  operationId: 'unlinkIdentity',
  summary: 'Unlink an identity',
  description: 'Ends every other session.',
  credentials: true,
  params: z.strictObject({ id: uuid }),
  optionalBody: Unlink,
  returns: { 204: null },
  fails: [...reauthentication, 'not_found', 'last_way_in'],
})

export const identityRoutes = newRouter()
  .openapi(methodsRoute, async (c) => {
    const { config, db } = c.var.deps
    const providers = config.SIGN_IN_PROVIDERS.map(({ id, name }) => ({ id, name }))
    const methods = { providers, email: emailMethod(config), turnstile: describeCheck(config) }
    return c.json({ ...methods, sso: await holds(db, HAS_SSO) }, 200)
  })
  .openapi(beginRoute, async (c) => c.json(await beginSignIn(c.var.deps, c.req.valid('json')), 200))
  .openapi(ssoRoute, async (c) => c.json(await beginSsoSignIn(c.var.deps, c.req.valid('json')), 200))
  .openapi(completeRoute, async (c) => c.json(await completeCode(c.var.deps, c.req.valid('json')), 200))
  .openapi(emailRoute, async (c) => c.json(await beginEmailSignIn(c.var.deps, c.req.valid('json')), 202))
  .openapi(listRoute, async (c) => c.json({ data: await listOwnIdentities(c.var.deps, c.var.user) }, 200))
  .openapi(linkRoute, async (c) => {
    const { password, ...proof } = c.req.valid('json')
    await requireOwner(c.var.deps, c.var.user, password)
    return c.json(await linkOwnIdentity(c.var.deps, c.var.user, proof), 200)
  })
  .openapi(unlinkRoute, async (c) => {
    await requireOwner(c.var.deps, c.var.user, c.req.valid('json').password)
    await unlinkOwnIdentity(c.var.deps, c.var.user, c.req.valid('param').id)
    return c.body(null, 204)
  })
