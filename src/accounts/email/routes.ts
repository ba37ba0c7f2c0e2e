import { apiRoute, newRouter } from '../../api/api-route.ts'
import { readCredential } from '../../http/credentials.ts'
import { requestEmailChange } from './change.ts'
import { confirmEmailChange, resetPassword, verifyEmail } from './redeem.ts'
import { requestPasswordReset, resendVerification } from './request.ts'
import { EmailChange, EmailChangeConfirmation, EmailVerification, ForAddress, PasswordReset } from './schemas.ts'

const tag = 'Email'
const SAME_ANSWER = 'The response is the same whether or not the address has an account.'

/** Of what takes a link, and a session of the account or its password. */
const HOLDER_FAILS = [
  'invalid_token',
  'unauthenticated',
  'ambiguous_credentials',
  'credentials_in_url',
  'wrong_password',
  'forbidden_while_impersonating',
  'rate_limited',
] as const

const verifyRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/email/verify',
  tag,
  operationId: 'verifyEmail',
  summary: 'Confirm an email address',
  description:
    'The token works once, within 24 hours. It proves the address; an access token of the account or its `password` proves the account. 401 without either.',
  body: EmailVerification,
  returns: { 204: null },
  fails: HOLDER_FAILS,
})

const resendRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/email/resend',
  tag,
  operationId: 'resendVerificationEmail',
  summary: 'Send the verification email again',
  description: `Sends it if the address is not confirmed yet. ${SAME_ANSWER}`,
  body: ForAddress,
  returns: { 202: null },
  fails: ['rate_limited'],
})

const resetRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/password/reset',
  tag,
  operationId: 'requestPasswordReset',
  summary: 'Request a password reset',
  description: `Sends a link that works once, within 10 minutes. A newer link replaces it. ${SAME_ANSWER}`,
  body: ForAddress,
  returns: { 202: null },
  fails: ['rate_limited'],
})

const confirmResetRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/password/reset/confirm',
  tag,
  operationId: 'confirmPasswordReset',
  summary: 'Set a new password',
  description:
    'Uses the token from the email. Ends every session and does not sign in. A second factor stays enabled. The address counts as confirmed.',
  body: PasswordReset,
  returns: { 204: null },
  fails: ['invalid_token', 'rate_limited'],
})

const changeRoute = apiRoute({
  allow: 'user',
  method: 'post',
  path: '/auth/email/change',
  repeatable: true,
  tag,
  operationId: 'requestEmailChange',
  summary: 'Change my email address',
  description:
    'Sends a link to the new address, which works once, within 1 hour, and a notice to the old address. Nothing changes before the link is used. The response is the same whether or not the new address has an account.',
  body: EmailChange,
  credentials: true,
  returns: { 202: null },
  fails: ['reauthentication_required', 'wrong_password', 'invalid_code', 'two_factor_locked', 'rate_limited'],
})

const confirmChangeRoute = apiRoute({
  allow: 'anyone',
  method: 'post',
  path: '/auth/email/change/confirm',
  tag,
  operationId: 'confirmEmailChange',
  summary: 'Confirm a new email address',
  description:
    "Replaces the address and ends the user's sessions. The token proves the new address; an access token of the account, whose session stays, or its `password` proves the account. 401 without either.",
  body: EmailChangeConfirmation,
  returns: { 204: null },
  fails: HOLDER_FAILS,
})

export const emailRoutes = newRouter()
  .openapi(verifyRoute, async (c) => {
    await verifyEmail(c.var.deps, c.req.valid('json'), readCredential(c.req.raw))
    return c.body(null, 204)
  })
  .openapi(resendRoute, async (c) => {
    await resendVerification(c.var.deps, c.req.valid('json').email)
    return c.body(null, 202)
  })
  .openapi(resetRoute, async (c) => {
    await requestPasswordReset(c.var.deps, c.req.valid('json').email)
    return c.body(null, 202)
  })
  .openapi(confirmResetRoute, async (c) => {
    await resetPassword(c.var.deps, c.req.valid('json'))
    return c.body(null, 204)
  })
  .openapi(changeRoute, async (c) => {
    await requestEmailChange(c.var.deps, c.var.user, c.req.valid('json'))
    return c.body(null, 202)
  })
  .openapi(confirmChangeRoute, async (c) => {
    await confirmEmailChange(c.var.deps, c.req.valid('json'), readCredential(c.req.raw))
    return c.body(null, 204)
  })
