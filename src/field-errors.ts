import { findClosest } from './lib/describe-issue.ts'
import { describeUnknown, findKnownNames, quoteName } from './lib/unknown-fields.ts'

export interface FieldError {
  /** Where in the request, as `body.events.0.id`. */
  readonly path: string
  readonly message: string
}

interface Issue {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** Names that a strict object does not know. */
  readonly keys?: readonly string[]
  /** What each choice of a union finds wrong. */
  readonly errors?: readonly (readonly Issue[])[]
}

/** More findings help nobody, and an answer must not grow with what was sent. */
const MAX_ERRORS = 50

/**
 * A validation's findings in the form of a problem; each unknown field is one of its own, with the nearest known name.
 * Of a value of the wrong type only that is said: zod also measures the length of an array where text is due.
 *
 * @param where the part of the request: body, query, path
 */
export function fieldErrors(where: string, issues: readonly Issue[]): FieldError[] {
  const mistyped = new Set(issues.filter(({ code }) => code === 'invalid_type').map(({ path }) => path.join('\n')))
  const telling = issues.filter(({ code, path }) => code === 'invalid_type' || !mistyped.has(path.join('\n')))
  return telling.flatMap((issue) => toFieldErrors(where, issue)).slice(0, MAX_ERRORS)
}

const below = (path: Issue['path'], issue: Issue): Issue => ({ ...issue, path: [...path, ...issue.path] })

function toFieldErrors(where: string, { path, message, keys, errors }: Issue): FieldError[] {
  const at = [where, ...path.map(quoteName)]
  const [closest, other] = findClosest(errors ?? [])
  if (closest && !other)
    return fieldErrors(
      where,
      closest.map((issue) => below(path, issue)),
    )
  if (!keys) return [{ path: at.join('.'), message }]
  const kind = where === 'query' ? 'query parameter' : 'field'
  return keys.slice(0, MAX_ERRORS).map((name) => ({
    path: [...at, quoteName(name)].join('.'),
    message: describeUnknown(name, findKnownNames(keys), kind),
  }))
}
