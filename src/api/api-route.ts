import { createRoute, OpenAPIHono } from '@hono/zod-openapi'
import type { ZodType } from 'zod'
import * as z from 'zod'
import type { ManagementEnv } from '../auth/env.ts'
import { type Access, guard } from '../auth/guard.ts'
import { GIVING_KEYS, IDLE_WHILE_SUSPENDED, isForKeys, type Permission } from '../auth/roles.ts'
import { type PlatformScope, platformScopeFor } from '../auth/service-scopes.ts'
import { fieldErrors } from '../field-errors.ts'
import { findLooseObject } from '../http/strict-schema.ts'
import { PROBLEMS, Problem, type ProblemCode } from '../problems.ts'
import { type BodyForms, withBodyForms, withJsonBody, withOptionalJsonBody, withoutBody } from './body.ts'
import { IdempotencyHeaders, withIdempotency } from './idempotency.ts'
import { ProblemBody } from './problem-schema.ts'
import { readShape, withQueryForm } from './query.ts'

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'
/** A route's successful answers: the schema by status, `null` for an answer without a body. */
type Returns = Readonly<Record<number, ZodType | null>>

interface Declaration<M extends Method, P extends string, B, O, Q, A, R extends Returns> {
  readonly allow: Access
  readonly method: M
  readonly path: P
  readonly tag: string
  /** Its name in generated clients: a verb and a noun in camelCase. It is unique and does not change with the path. */
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly body?: B
  /** A body that may be omitted. */
  readonly optionalBody?: O
  /** Further forms that `body` may come in. */
  readonly forms?: BodyForms
  readonly query?: Q
  readonly params?: A
  readonly returns: R
  /** Whether it creates something. Then a repeat with the same `Idempotency-Key` gets the first answer. */
  readonly creates?: boolean
  /** Whether a second request would change something again, or be refused: then it takes an `Idempotency-Key` as well. */
  readonly repeatable?: boolean
  /**
   * Whether it changes credentials or settings, or spends money. Then an administrator in a support session cannot call
   * it.
   */
  readonly credentials?: boolean
  /** The scope with which a service key may also call a route of administrators; the permission implies that of other routes. */
  readonly service?: PlatformScope
  /** Whether the body names the owners of its items: then a service key need not name one organization (`isService`). */
  readonly ownersInBody?: boolean
  /** Whether members may call it even if they lack what their organization requires, such as a second factor. */
  readonly forAllMembers?: boolean
  /** Problems beyond those that follow from the rest of the declaration. */
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

/** Problems that every route can have. A route lists only its own. */
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
  'issuer_unavailable',
  'organization_not_found',
]

const OF_ADMINISTRATION: readonly ProblemCode[] = ['not_found', 'two_factor_required', 'single_sign_on_required']
const OF_IDEMPOTENCY: readonly ProblemCode[] = ['request_in_progress', 'idempotency_key_reused', 'answer_unreadable']

/**
 * Declares a route: who may call it, its input, its answers and its problems. The guard, validation, OpenAPI and the
 * handler's types all follow from it. Without `allow` or `operationId` it does not compile.
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
  const { allow, method, path, body, optionalBody, query, params, returns } = declared
  requireStrict(declared)
  const content = body ?? optionalBody
  return createRoute({
    method,
    path,
    tags: [declared.tag],
    operationId: declared.operationId,
    summary: declared.summary,
    ...(declared.description && { description: declared.description }),
    ...describeSecurity(declared),
    'x-allow': allow,
    ...describeService(declared),
    request: {
      ...(content && { body: { content: describeContent(content, declared.forms), required: body !== undefined } }),
      query: query ?? NO_QUERY,
      ...(params && { params }),
      ...(takesKey(declared) && { headers: IdempotencyHeaders }),
    } as unknown as RequestParts<B, O, Q, A>,
    responses: { ...successes(returns), ...failures(listCodes(declared)) } as Responses<R>,
    middleware: [
      withQueryForm(query),
      ...selectReaders(declared),
      guard(allow, describeGuard(declared)),
      ...(takesKey(declared) ? [withIdempotency] : []),
    ],
  })
}

/** For a route without query parameters: unknown ones are refused by name, as on other routes. */
const NO_QUERY = z.strictObject({})

/** @throws Error when the module is loaded, so that a route that accepts unknown input fails before any test runs */
function requireStrict({ method, path, ...declared }: Declared): void {
  for (const part of ['body', 'optionalBody', 'query', 'params'] as const) {
    const loose = declared[part] instanceof z.ZodType ? findLooseObject(declared[part], part) : undefined
    if (loose) throw new Error(`${method} ${path} accepts unknown fields in ${loose}: use z.strictObject`)
  }
}

/** Whether it takes an `Idempotency-Key`. */
const takesKey = ({ creates, repeatable }: Pick<Declared, 'creates' | 'repeatable'>) => creates || repeatable

type Declared = Declaration<Method, string, unknown, unknown, unknown, unknown, Returns>

/** All problems of a route: its own, and those that follow from its input and its callers. */
function listCodes(declared: Declared): ProblemCode[] {
  const { method, body, optionalBody, fails = [] } = declared
  const ofInput: readonly ProblemCode[] = method === 'get' && !(body || optionalBody) ? ['invalid_request'] : OF_BODIES
  return [...COMMON, ...callerCodes(declared), ...ofInput, ...(takesKey(declared) ? OF_IDEMPOTENCY : []), ...fails]
}

/** Media types other than JSON are only named: their content is converted to the schema's form before it is checked. */
function describeContent(schema: ZodType, { wrap = {} }: BodyForms = {}) {
  return {
    'application/json': { schema },
    ...Object.fromEntries(Object.keys(wrap).map((type) => [type, { schema: {} }])),
  }
}

/** The problems that the route's guard can raise about a caller. */
function callerCodes({ allow, creates, credentials, ownersInBody, forAllMembers }: Declared): ProblemCode[] {
  const isIdle = isPermission(allow) && IDLE_WHILE_SUSPENDED.includes(allow)
  const kinds: readonly (readonly [boolean, readonly ProblemCode[]])[] = [
    [allow !== 'anyone', OF_GUARDS],
    [allow === 'administrator', OF_ADMINISTRATION],
    [isPermission(allow) && !forAllMembers, ['two_factor_required', 'single_sign_on_required']],
    [isForPeople(allow), ['user_only', 'account_required']],
    [isPermission(allow) && platformScopeFor(allow) !== undefined, ['organization_mismatch', 'organization_not_found']],
    [isPermission(allow) && platformScopeFor(allow) !== undefined && !ownersInBody, ['organization_unnamed']],
    [creates === true && isIdle, ['organization_suspended']],
    [creates === true && isPermission(allow) && GIVING_KEYS.includes(allow), ['email_unconfirmed']],
    [credentials === true, ['forbidden_while_impersonating']],
  ]
  return kinds.flatMap(([applies, codes]) => (applies ? codes : []))
}

/** The parts of a declaration that the guard reads. */
const describeGuard = ({ credentials, creates, service, ownersInBody, forAllMembers, query }: Declared) => ({
  credentials,
  creates,
  service,
  ownersInBody,
  forAllMembers,
  namesInQuery: {
    organization_id: 'organization_id' in readShape(query),
    external_id: 'external_id' in readShape(query),
  },
})

function selectReaders({ body, optionalBody, forms }: Declared) {
  if (body) return [forms ? withBodyForms(forms) : withJsonBody]
  return [optionalBody ? withOptionalJsonBody : withoutBody]
}

function describeSecurity(declared: Declared) {
  if (declared.allow === 'anyone') return {}
  return {
    security:
      isForPeople(declared.allow) && !serviceScope(declared) ? [{ bearer: [] }] : [{ bearer: [] }, { apiKey: [] }],
  }
}

/** With which scope a service key may call a route, if it may. */
function describeService(declared: Declared) {
  const scope = serviceScope(declared)
  return scope && { 'x-service-scope': scope }
}

const serviceScope = ({ allow, service }: Pick<Declared, 'allow' | 'service'>) =>
  isPermission(allow) ? platformScopeFor(allow) : service

const isPermission = (allow: Access): allow is Permission => !['anyone', 'user', 'administrator'].includes(allow)

/** Whether a route accepts only access tokens. */
const isForPeople = (allow: Access) =>
  allow === 'user' || allow === 'administrator' || (isPermission(allow) && !isForKeys(allow))

function successes(returns: Returns) {
  return Object.fromEntries(
    Object.entries(returns).map(([status, schema]) => [
      status,
      schema
        ? { description: 'Done.', content: { 'application/json': { schema } } }
        : { description: 'Success, without a body.' },
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

/** @param target the part of the request, by Hono's name */
function invalidRequest(target: string, error: z.ZodError): Problem {
  const where = target === 'json' ? 'body' : target === 'param' ? 'path' : target
  return new Problem('invalid_request', { errors: fieldErrors(where, error.issues) })
}
