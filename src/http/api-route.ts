import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { ZodType, z } from 'zod'
import { fieldErrors, PROBLEMS, Problem, type ProblemCode } from '../problems.ts'
import { type Access, guard } from './access.ts'
import { IdempotencyHeaders, withIdempotency } from './idempotency.ts'
import { withJsonBody, withOptionalJsonBody } from './json-body.ts'
import type { ManagementEnv } from './management-env.ts'
import { ProblemBody } from './problem-schema.ts'

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** What a route answers when all goes well: its schema by status, `null` for an answer without a body. */
type Returns = Readonly<Record<number, ZodType | null>>

interface Declaration<M extends Method, P extends string, B, O, Q, A, R extends Returns> {
  readonly allow: Access
  readonly method: M
  readonly path: P
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly body?: B
  /** A body that may be left out altogether. */
  readonly optionalBody?: O
  readonly query?: Q
  readonly params?: A
  readonly returns: R
  /** Whether it makes something: then a repeat with the same `Idempotency-Key` gets the first answer. */
  readonly creates?: boolean
  /** Whether it touches credentials or security settings: then an administrator who acts as the user cannot do it. */
  readonly credentials?: boolean
  /** Beyond those that follow from the rest of the declaration. */
  readonly fails?: readonly ProblemCode[]
}

type Json<S> = { 'application/json': { schema: S } }
type Responses<R extends Returns> = {
  [Status in keyof R]: R[Status] extends ZodType
    ? { description: string; content: Json<R[Status]> }
    : { description: string }
}
type RequestParts<B, O, Q, A> = (B extends ZodType ? { body: { content: Json<B>; required: true } } : object) &
  (O extends ZodType ? { body: { content: Json<O>; required: false } } : object) &
  (Q extends ZodType ? { query: Q } : object) &
  (A extends ZodType ? { params: A } : object)

/** Fails that any route of its kind can have; a route lists only its own. */
const COMMON: readonly ProblemCode[] = ['internal', 'unavailable']
const OF_BODIES: readonly ProblemCode[] = [
  'malformed_json',
  'invalid_request',
  'body_too_large',
  'unsupported_media_type',
]
const OF_GUARDS: readonly ProblemCode[] = [
  'unauthenticated',
  'ambiguous_credentials',
  'credentials_in_url',
  'forbidden',
]

const OF_ADMINISTRATION: readonly ProblemCode[] = ['user_only', 'not_found', 'two_factor_required']
const OF_IDEMPOTENCY: readonly ProblemCode[] = ['request_in_progress', 'idempotency_key_reused']

/**
 * Declares a route: who may call it, what it takes, what it answers and how it fails. Guard, validation, OpenAPI and the
 * handler's types all follow from it; without `allow` it does not compile.
 */
export function apiRoute<
  const M extends Method,
  const P extends string,
  const R extends Returns,
  B extends ZodType | undefined = undefined,
  O extends ZodType | undefined = undefined,
  Q extends ZodType | undefined = undefined,
  A extends ZodType | undefined = undefined,
>(declared: Declaration<M, P, B, O, Q, A, R>) {
  const { allow, method, path, tag, summary, body, optionalBody, query, params, returns } = declared
  const content = body ?? optionalBody
  return createRoute({
    method,
    path,
    tags: [tag],
    summary,
    ...(declared.description && { description: declared.description }),
    ...securityOf(allow),
    'x-allow': allow,
    request: {
      ...(content && { body: { content: { 'application/json': { schema: content } }, required: body !== undefined } }),
      ...(query && { query }),
      ...(params && { params }),
      ...(declared.creates && { headers: IdempotencyHeaders }),
    } as unknown as RequestParts<B, O, Q, A>,
    responses: { ...successes(returns), ...failures(codesOf(declared)) } as Responses<R>,
    middleware: [
      ...readersOf(declared),
      guard(allow, declared.credentials),
      ...(declared.creates ? [withIdempotency] : []),
    ],
  })
}

type Declared = Declaration<Method, string, unknown, unknown, unknown, unknown, Returns>

/** Every way in which a route can fail: its own, and those that follow from what it takes and whom it lets in. */
function codesOf(declared: Declared): ProblemCode[] {
  const { allow, body, optionalBody, query, params, creates, credentials, fails = [] } = declared
  const ofInput: readonly ProblemCode[] = body || optionalBody ? OF_BODIES : query || params ? ['invalid_request'] : []
  const ofCallers: readonly ProblemCode[] = [
    ...(allow === 'anyone' ? [] : OF_GUARDS),
    ...(allow === 'administrator' ? OF_ADMINISTRATION : []),
    ...(credentials ? (['forbidden_while_impersonating'] as const) : []),
  ]
  return [...COMMON, ...ofCallers, ...ofInput, ...(creates ? OF_IDEMPOTENCY : []), ...fails]
}

function readersOf({ body, optionalBody }: Declared) {
  if (body) return [withJsonBody]
  return optionalBody ? [withOptionalJsonBody] : []
}

function securityOf(allow: Access) {
  if (allow === 'anyone') return {}
  return {
    security: allow === 'user' || allow === 'administrator' ? [{ bearer: [] }] : [{ bearer: [] }, { apiKey: [] }],
  }
}

function successes(returns: Returns) {
  return Object.fromEntries(
    Object.entries(returns).map(([status, schema]) => [
      status,
      schema
        ? { description: 'Done.', content: { 'application/json': { schema } } }
        : { description: 'Done; the answer has no body.' },
    ]),
  )
}

function failures(codes: readonly ProblemCode[]) {
  const byStatus = Object.groupBy(codes, (code) => String(PROBLEMS[code][0]))
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, list = []]) => [
      status,
      {
        description: [...new Set(list)].map((code) => `\`${code}\`: ${PROBLEMS[code][1]}`).join('\n\n'),
        content: { 'application/problem+json': { schema: ProblemBody } },
      },
    ]),
  )
}

/** A router whose validation failures are Problems that name the field. */
export function newRouter() {
  return new OpenAPIHono<ManagementEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.target, result.error)
    },
  })
}

/** @param target the part of the request, as Hono calls it */
function invalidRequest(target: string, error: z.ZodError): Problem {
  const where = target === 'json' ? 'body' : target === 'param' ? 'path' : target
  return new Problem('invalid_request', { errors: fieldErrors(where, error.issues) })
}
