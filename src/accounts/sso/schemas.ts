import * as z from 'zod'
import { email } from '../../http/fields.ts'
import { page } from '../identities/schemas.ts'

export const SsoSignIn = z.strictObject({
  email: email.meta({
    description: 'Its domain says whose single sign-on it is; the page of the provider expects it.',
  }),
  ...page,
})
