/**
 * Names unknown fields in the errors of strict schemas. Imported for its side effect by src/problems.ts, which shows
 * the issues.
 */
import * as z from 'zod'
import { findNearestName } from './nearest-name.ts'

/** Quotes a text of the caller in an answer: on one line, and short. */
export const quoteName = (name: PropertyKey) => JSON.stringify(String(name).slice(0, 64)).slice(1, -1)

/** @param kind what the name is, such as `field` or `query parameter` */
export function describeUnknown(name: string, known: readonly string[], kind = 'field'): string {
  const near = findNearestName(name, known)
  return `unknown ${kind} \`${quoteName(name)}\`${near === undefined ? '' : `; did you mean \`${near}\`?`}`
}

/** The known names of a strict object, by zod's list of its unknown ones: an error has the list, but not the object. */
const knownNames = new WeakMap<readonly string[], readonly string[]>()

export const findKnownNames = (unknown: readonly string[]): readonly string[] => knownNames.get(unknown) ?? []

z.config({
  customError(issue) {
    if (issue.code !== 'unrecognized_keys') return undefined
    const keys = issue.keys as readonly string[]
    const { shape = {} } = (issue.inst as z.ZodObject | undefined)?.def ?? {}
    knownNames.set(keys, Object.keys(shape))
    return keys
      .slice(0, 10)
      .map((key) => describeUnknown(key, Object.keys(shape)))
      .join('; ')
  },
})
