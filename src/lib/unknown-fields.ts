/** Names unknown fields in the errors of strict schemas. */
import type * as z from 'zod'
import { findNearestName } from './nearest-name.ts'

/** Quotes a caller's text in an answer: on one line, and short. */
export const quoteName = (name: PropertyKey) => JSON.stringify(String(name).slice(0, 64)).slice(1, -1)

/** @param kind what the name is, such as `field` or `query parameter` */
export function describeUnknown(name: string, known: readonly string[], kind = 'field'): string {
  const near = findNearestName(name, known)
  return `unknown ${kind} \`${quoteName(name)}\`${near === undefined ? '' : `; did you mean \`${near}\`?`}`
}

/**
 * The known names of a strict object, attached to zod's list of its unknown ones: an error has the list, but not the object.
 * A registered symbol, because zod's settings are global and may call another copy of this module than the one that reads it.
 */
const KNOWN = Symbol.for('tollgate.known-names')

export const findKnownNames = (unknown: readonly string[] & { readonly [KNOWN]?: readonly string[] }) =>
  unknown[KNOWN] ?? []

/** Names each unknown field of a strict object, with the nearest known name. */
export function describeUnknownKeys(
  issue: Pick<z.core.$ZodRawIssue<z.core.$ZodIssueUnrecognizedKeys>, 'keys' | 'inst'>,
) {
  const keys = issue.keys as readonly string[]
  const { shape = {} } = (issue.inst as z.ZodObject | undefined)?.def ?? {}
  Object.defineProperty(keys, KNOWN, { value: Object.keys(shape) })
  return keys
    .slice(0, 10)
    .map((key) => describeUnknown(key, Object.keys(shape)))
    .join('; ')
}
