import * as z from 'zod'

/**
 * A password in a request. Its length is bounded before anything is hashed; the rules for new passwords also need the
 * account. A lone surrogate has no UTF-8 form, so all texts with one would be the same password.
 */
export const password = z
  .string()
  .min(1)
  .max(1024)
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')

/** For a body with a new password: the password entered again, if the form has such a field. It is only compared. */
export const passwordAgain = z.string().optional()

export const chosenPassword = password.meta({
  description: '10 to 256 characters, used exactly as sent.',
})
