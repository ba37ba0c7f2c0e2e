import * as z from 'zod'
import { email } from '../../http/fields.ts'
import { page } from '../identities/schemas.ts'

export const SsoSignIn = z.strictObject({
  email: email.meta({
    description: 'Its domain selects the organization, and it is passed on to the page of the provider.',
  }),
  ...page,
})
