import * as z from 'zod'

/**
 * A password as it is sent. Bounded before anything is hashed; what else one must be that is chosen is decided with the
 * account in view. Half a surrogate pair cannot be said in UTF-8: all such texts would be the same password.
 */
export const password = z
  .string()
  .min(1)
  .max(1024)
  .refine((text) => text.isWellFormed(), 'must be well-formed Unicode')

/** Of a body with one that is chosen: typed twice, if the page asks for that. It is only compared with the first. */
export const passwordAgain = z.string().optional()

export const chosenPassword = password.meta({
  description: 'At least 10 characters, at most 256; taken exactly as sent.',
})
