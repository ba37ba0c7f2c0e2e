/** Checks the form of a query string before any parameter is read: the guard reads one as well. */
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import type { ManagementEnv } from '../auth/env.ts'
import { type FieldError } from '../field-errors.ts'
import { Problem } from '../problems.ts'

/**
 * Refuses query strings that a schema does not see, or sees too late: a known parameter that is given twice or has no
 * value, and a value without a name. A parameter may be empty if its schema accepts an empty text.
 */
export function withQueryForm(query: z.ZodType | undefined) {
  const shape = readShape(query)
  const takesEmpty = new Set(Object.keys(shape).filter((name) => shape[name]?.safeParse('').success))
  return createMiddleware<ManagementEnv>(async function withQueryForm(c, next) {
    const start = c.req.url.indexOf('?')
    const errors = start < 0 ? [] : findErrors(new URLSearchParams(c.req.url.slice(start)))
    if (errors.length > 0) throw new Problem('invalid_request', { errors })
    await next()
  })

  function findErrors(parameters: URLSearchParams): FieldError[] {
    const known = Object.keys(shape).flatMap((name) => {
      const message = findError(name, parameters.getAll(name))
      return message ? [{ path: `query.${name}`, message }] : []
    })
    return parameters.has('') ? [{ path: 'query', message: 'has a value without a name' }, ...known] : known
  }

  function findError(name: string, values: readonly string[]): string | undefined {
    if (values.length > 1) return 'must be given once'
    return values[0] === '' && !takesEmpty.has(name) ? 'must not be empty' : undefined
  }
}

/** The parameters of a route, by name. */
export const readShape = (query: unknown): Readonly<Record<string, z.ZodType>> =>
  query instanceof z.ZodObject ? query.shape : {}
