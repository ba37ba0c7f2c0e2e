import * as z from 'zod'

/** Text that goes to Postgres, which knows no NUL. Apart from the other fields: a verification evaluates none of those. */
export function text(maxLength: number) {
  return z
    .string()
    .max(maxLength)
    .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be well-formed Unicode without NUL')
}

/** A record of any names but `__proto__`: zod would leave that out and say nothing. */
export function recordSchema<Name extends z.ZodType<string, string>, Value extends z.ZodType>(
  name: Name,
  value: Value,
  error?: string,
) {
  const record = z.record(name, value, error)
  return z.preprocess(requireNoPrototype, record) as unknown as typeof record
}

function requireNoPrototype(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
    context.issues.push({ code: 'unrecognized_keys', keys: ['__proto__'], input: value as Record<string, unknown> })
  return value
}

/** Text that only describes what happened. It is cut where {@link text} would refuse the request that it came with. */
export function descriptiveText(maxLength: number) {
  return z
    .string()
    .transform((value) => cutText(value, maxLength))
    .meta({ description: `Cut after ${maxLength} characters.` })
}

const UNSTORABLE = /\0|\p{Surrogate}/gu

/** The beginning of a text, without NUL and halves of surrogate pairs, which Postgres cannot store. */
export function cutText(value: string, maxLength: number): string {
  const kept = value.length > maxLength ? value.slice(0, maxLength) : value
  return kept.isWellFormed() && !kept.includes('\0') ? kept : kept.replaceAll(UNSTORABLE, '')
}
