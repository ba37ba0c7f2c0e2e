import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { ZodType, z } from 'zod'
import { type FieldError, fieldErrors } from './field-errors.ts'
import { PROBLEMS, type ProblemCode } from './problem-codes.ts'

export { PROBLEMS, type ProblemCode }

/**
 * Input that came without HTTP, checked like a body.
 *
 * @throws Problem `invalid_request` that names each field
 */
export function parseInput<Schema extends ZodType>(schema: Schema, input: unknown): z.output<Schema> {
  const result = parseSafely(schema, input)
  if (result.success) return result.data
  throw new Problem('invalid_request', { errors: fieldErrors('body', result.error.issues) })
}

/** Without HTTP nobody has bounded how deep the input is nested, and what follows it may run out of stack. */
function parseSafely<Schema extends ZodType>(schema: Schema, input: unknown) {
  try {
    return schema.safeParse(input)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new Problem('invalid_request', { errors: [{ path: 'body', message: 'is nested too deeply' }] })
  }
}

interface ProblemExtra {
  readonly detail?: string
  readonly errors?: readonly FieldError[]
  readonly headers?: Readonly<Record<string, string>>
}

/** A request that cannot be fulfilled, on its way to becoming an RFC 9457 answer. Thrown, and caught once, at the edge. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly code: ProblemCode
  readonly extra: ProblemExtra

  constructor(code: ProblemCode, extra: ProblemExtra = {}) {
    super(
      extra.detail ?? extra.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? PROBLEMS[code][1],
    )
    this.code = code
    this.extra = extra
  }

  get status(): ContentfulStatusCode {
    return PROBLEMS[this.code][0]
  }
}

/** A key lacks a scope. */
export const missingScope = (scope: string) => new Problem('forbidden', { detail: `The key needs the scope ${scope}.` })

/**
 * The address of a problem's entry in the published list, its RFC 9457 `type`. It is the same over HTTP and RPC.
 *
 * @param publicUrl the configured one, never the request's: the caller chooses `Host`. Undefined where the configuration
 *   cannot be read; then the address is relative
 */
function problemType(code: ProblemCode, publicUrl: string | undefined): string {
  const address = `/docs#${code}`
  return publicUrl === undefined ? address : new URL(address, publicUrl).href
}

/** What `Retry-After` says for a problem, in seconds, over HTTP and RPC alike; undefined where waiting does not help. */
export function readRetryAfter({ code, status, extra }: Problem): string | undefined {
  if (extra.headers?.['Retry-After']) return extra.headers['Retry-After']
  if (code === 'request_in_progress') return '1'
  return status === 503 ? '2' : undefined
}

/** The RFC 9457 members of a problem. */
export function problemBody(problem: Problem, publicUrl: string | undefined, requestId: string) {
  const [status, title] = PROBLEMS[problem.code]
  const { errors } = problem.extra
  return {
    type: problemType(problem.code, publicUrl),
    title,
    status,
    detail: problem.message,
    code: problem.code,
    request_id: requestId,
    ...(errors && { errors }),
  }
}
