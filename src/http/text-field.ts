import * as z from 'zod'

/**
 * Text for Postgres, which cannot store NUL. In a file of its own, because a verification loads none of the other
 * fields.
 */
export function text(maxLength: number) {
  return z.string().max(maxLength).refine(isStorable, 'must be well-formed Unicode without NUL')
}

/** Whether Postgres can store a text: in UTF-8, without NUL. */
export const isStorable = (value: string) => value.isWellFormed() && !value.includes('\0')

/** A record with any names except `__proto__`, which zod would silently drop. */
export function recordSchema<Name extends z.ZodType<string, string>, Value extends z.ZodType>(
  name: Name,
  value: Value,
  error?: string,
) {
  return withoutPrototype(z.record(name, value, error))
}

/** The same for objects that accept other names than those they list. */
export const withoutPrototype = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess(requireNoPrototype, schema) as unknown as Schema

function requireNoPrototype(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
    context.issues.push({ code: 'unrecognized_keys', keys: ['__proto__'], input: value as Record<string, unknown> })
  return value
}

/** Text that only describes what happened. It is cut if too long; {@link text} would refuse the whole request. */
export function descriptiveText(maxLength: number) {
  return z
    .string()
    .transform((value) => cutText(value, maxLength))
    .meta({ description: `Cut after ${maxLength} characters.` })
}

const UNSTORABLE = /\0|\p{Surrogate}/gu

/** The beginning of a text, without NUL and lone surrogates, which Postgres cannot store. */
export function cutText(value: string, maxLength: number): string {
  const kept = value.length > maxLength ? value.slice(0, maxLength) : value
  return isStorable(kept) ? kept : kept.replaceAll(UNSTORABLE, '')
}
