import * as z from 'zod'
import { email } from '../../http/fields.ts'
import { page } from '../identities/schemas.ts'
import { chosenPassword, password, passwordAgain } from '../passwords/field.ts'
import { turnstileToken } from '../turnstile-token.ts'
import { passwordIfAny, secondFactor } from '../two-factor/schemas.ts'

/** Any text: a malformed token gets the same answer as an expired one. */
const token = z.string().max(1024).meta({ description: 'The token, from the fragment of the link in the email.' })

export const EmailVerification = z
  .strictObject({
    token,
    password: password.optional().meta({
      description: 'The password of the account that has the address. Not needed with its access token.',
    }),
  })
  .meta({ id: 'EmailVerification' })
export const EmailChangeConfirmation = z
  .strictObject({
    token,
    password: password.optional().meta({
      description: 'The password of the account that requested the change. Not needed with its access token.',
    }),
  })
  .meta({ id: 'EmailChangeConfirmation' })
export const ForAddress = z.strictObject({ email }).meta({ id: 'EmailAddress' })

export const PasswordReset = z
  .strictObject({
    token,
    new_password: chosenPassword,
    confirm_password: passwordAgain.meta({ description: 'If sent, it must equal `new_password`.' }),
  })
  .refine((body) => body.confirm_password === undefined || body.confirm_password === body.new_password, {
    path: ['confirm_password'],
    message: 'does not equal new_password',
  })

export const EmailChange = z.strictObject({
  new_email: email,
  password: passwordIfAny,
  code: secondFactor.code.meta({ description: 'Or `passkey`. Required if two-factor is enabled.' }),
  passkey: secondFactor.passkey,
})

export const EmailSignIn = z
  .strictObject({
    email,
    code_challenge: page.code_challenge,
    turnstile_token: turnstileToken,
    return_to: page.return_to.optional().meta({
      description: `Where the link leads, with \`sign_in_code\` added to the query: an address of this deployment, or of an origin in
\`CORS_ORIGINS\`. Defaults to the dashboard. Not used for a code.`,
    }),
  })
  .meta({ id: 'EmailSignIn' })

export const EmailSignInSent = z
  .object({
    method: z.enum(['code', 'link']).meta({ description: 'What is sent.' }),
    expires_in: z.int().meta({ description: 'Seconds until it expires.' }),
  })
  .meta({ id: 'EmailSignInSent' })
