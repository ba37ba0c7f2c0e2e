import * as z from 'zod'

/** Text that goes to Postgres, which knows no NUL. Apart from the other fields: a verification evaluates none of those. */
export function text(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be well-formed Unicode without NUL')
}
