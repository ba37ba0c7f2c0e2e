import * as z from 'zod'
import { email, line, roleName } from '../http/fields.ts'
import { chosenPassword, password, passwordAgain } from './passwords/field.ts'
import { turnstileToken } from './turnstile-token.ts'

const token = z.string().min(1).max(512)

export const User = z
  .object({
    id: z.uuid(),
    email: z.string(),
    name: z.string().nullable(),
    subscription_tier: z.string().meta({ description: 'The plan of the active organization.' }),
    role: roleName.nullable().meta({ description: 'The role in the active organization.' }),
    permissions: z.array(z.string()).meta({ description: 'What the role allows in the active organization.' }),
    unmet_requirement: z.enum(['two_factor', 'single_sign_on']).nullable().meta({
      description:
        'A requirement of the active organization that the user does not meet. Until they do, `permissions` is empty.',
    }),
    organization_id: z.uuid().nullable().meta({ description: 'The active organization.' }),
    is_active: z.boolean(),
    is_verified: z.boolean().meta({ description: 'Whether the email address is confirmed.' }),
    keys_need_confirmation: z.boolean().meta({
      description: 'Whether they must confirm the email address before they get a key (`EMAIL_VERIFICATION=keys`).',
    }),
    is_administrator: z.boolean().meta({ description: 'Whether the user is an administrator of this deployment.' }),
    two_factor_enabled: z.boolean(),
    has_password: z.boolean().meta({ description: 'Whether they can sign in with a password.' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'User' })

export const Tokens = z
  .object({
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal('bearer'),
    expires_in: z.int().meta({ description: 'Seconds until the access token expires.' }),
  })
  .meta({ id: 'Tokens' })

export const Registration = z
  .strictObject({
    email,
    password: chosenPassword,
    confirm_password: passwordAgain.meta({ description: 'If sent, it must equal `password`.' }),
    turnstile_token: turnstileToken,
    name: line(200).optional(),
    organization: line(200)
      .optional()
      .meta({ description: 'The name of the new organization. Defaults to one named after the person.' }),
  })
  .refine((body) => body.confirm_password === undefined || body.confirm_password === body.password, {
    path: ['confirm_password'],
    message: 'does not equal password',
  })

export const Login = z.strictObject({ email, password })
export const Refresh = z.strictObject({ refresh_token: token })
export const Logout = z.strictObject({ refresh_token: token.optional() })
export const ProfileChange = z.strictObject({ name: line(200).nullable() })
export const PasswordChange = z
  .strictObject({ current_password: password, new_password: password, confirm_password: passwordAgain })
  .refine((body) => body.confirm_password === undefined || body.confirm_password === body.new_password, {
    path: ['confirm_password'],
    message: 'does not equal new_password',
  })
  .meta({ id: 'PasswordChange' })
