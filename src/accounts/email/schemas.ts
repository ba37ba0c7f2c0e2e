import * as z from 'zod'
import { email } from '../../http/fields.ts'
import { chosenPassword, passwordAgain } from '../passwords/field.ts'
import { passwordIfAny } from '../two-factor/schemas.ts'

/** Any text: a malformed token gets the same answer as an expired one. */
const token = z.string().max(1024).meta({ description: 'The token, from the fragment of the link in the email.' })

export const TokenUse = z.strictObject({ token }).meta({ id: 'MailedToken' })
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
  code: z
    .string()
    .trim()
    .min(6)
    .max(64)
    .optional()
    .meta({ description: 'From the authenticator app, or a backup code. Required if two-factor is enabled.' }),
})
