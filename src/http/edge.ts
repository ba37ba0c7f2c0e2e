import type { Context } from 'hono'
import { cors } from 'hono/cors'
import { createDeps } from '../create-deps.ts'
import { findUnstorable, isOvertaken, problemIn } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { traceFields } from '../lib/traceparent.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { count } from '../metrics/count.ts'
import type { CounterLabel } from '../metrics/kinds.ts'
import { Problem, problemBody, readRetryAfter } from '../problems.ts'
import { CallerGone } from './caller-gone.ts'
import { BEARER, challenge } from './challenge.ts'
import type { AppEnv } from './env.ts'

/**
 * Headers of every answer, errors included. An API answer is never a page: nothing in it may load, run or be framed.
 */
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-site',
  'Cache-Control': 'no-store',
  Vary: 'Origin', // the answer to a page of another origin differs
}

/** Built once. An answer that starts from them copies them in one go. */
const JSON_HEADERS = new Headers({ ...HEADERS, 'Content-Type': 'application/json' })

/**
 * The caller's address as the edge reports it. Unlike X-Forwarded-For, a client cannot set this header: the edge
 * overwrites it.
 */
export const clientIp = (c: Context) => c.req.header('CF-Connecting-IP')

type Handler = (c: Context<AppEnv>) => Response | Promise<Response>

/**
 * Gives each request its id and its Deps, and each answer its headers, and lets pages of the configured origins call
 * the API.
 *
 * One wrapper instead of several middlewares: Hono calls a route with a single handler without its middleware chain.
 */
export function withRequestContext(handler: Handler): Handler {
  return async function respond(c) {
    c.set('requestId', uuidv7(Date.now()))
    const answer = await catchErrors(c, () => {
      c.set('deps', createDeps(c.env, c.executionCtx))
      return needsCors(c) ? respondWithCors(c, handler) : handler(c)
    })
    c.get('deps')?.budget.lift() // the remaining work runs after the answer
    countAnswer(answer)
    addHeaders(c, answer)
    return answer
  }
}

/**
 * The same for a handler whose answers come from another service: they keep their own headers. Tollgate answers what
 * the handler throws as usual.
 */
export function withForeignAnswers(handler: Handler): Handler {
  return async function respond(c) {
    c.set('requestId', uuidv7(Date.now()))
    try {
      c.set('deps', createDeps(c.env, c.executionCtx))
      const answer = await handler(c)
      count('gatewayResponses', answer.status < 500 ? 'answered' : 'upstream_error')
      return answer
    } catch (error) {
      const refuse = () => answerError(error, c)
      const answer = c.get('deps') && needsCors(c) ? await respondWithCors(c, refuse) : refuse()
      count('gatewayResponses', classifyError(error, answer))
      addHeaders(c, answer)
      return answer
    } finally {
      c.get('deps')?.budget.lift()
    }
  }
}

/** Separates failures of the upstream from refusals and failures of Tollgate itself: only the last concern its operator. */
function classifyError(error: unknown, { status }: Response): CounterLabel<'gatewayResponses'> {
  const code = problemIn(error)?.code
  if (code === 'upstream_unreachable') return 'unreachable'
  if (code === 'upstream_timeout') return 'timeout'
  if (error instanceof CallerGone) return 'caller_gone'
  return status < 500 ? 'refused' : 'failed'
}

function countAnswer({ status }: Response): void {
  count('responses', status < 300 ? '2xx' : status < 400 ? '3xx' : status < 500 ? '4xx' : '5xx')
}

async function catchErrors(c: Context<AppEnv>, handler: Handler): Promise<Response> {
  try {
    return await handler(c)
  } catch (error) {
    return answerError(error, c)
  }
}

const needsCors = (c: Context) => c.req.header('Origin') !== undefined || c.req.method === 'OPTIONS'

/** Answers a preflight, and gives every other answer, errors included, the headers that let a page read it. */
async function respondWithCors(c: Context<AppEnv>, handler: Handler): Promise<Response> {
  const preflight = await withCors(c, async () => {
    c.res = await catchErrors(c, handler)
  })
  const answer = preflight ?? c.res
  answer.headers.set('Vary', HEADERS.Vary) // the middleware appended its own value
  return answer
}

/** Hot-path response: copies the shared headers in one go, because setting them one by one shows in the CPU profile. */
export function respondJson(requestId: string, body: unknown, more: Readonly<Record<string, string>>): Response {
  const answer = new Response(JSON.stringify(body), { headers: JSON_HEADERS })
  answer.headers.set('X-Request-Id', requestId)
  for (const name in more) answer.headers.set(name, more[name] as string)
  return answer
}

function addHeaders(c: Context, { headers }: Response): void {
  if (headers.has('X-Request-Id')) return
  headers.set('X-Request-Id', c.get('requestId'))
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value)
}

/** Pages of any origin may register applications and get tokens: these requests carry proofs of their own. */
const isForAnyPage = (path: string) => path.startsWith('/oauth/') || path.startsWith('/.well-known/oauth-')

/** Credentials are bearer tokens and keys, so cookies are never allowed. */
const withCors = cors({
  origin(origin, c: Context<AppEnv>) {
    if (isForAnyPage(c.req.path)) return '*'
    const origins = c.get('deps').config.CORS_ORIGINS
    return origins.includes('*') ? '*' : origins.includes(origin) ? origin : null
  },
  allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'X-API-Key', 'Idempotency-Key', 'MCP-Protocol-Version'],
  exposeHeaders: ['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Location', 'WWW-Authenticate'],
  maxAge: 600,
})

/**
 * Handles everything that was thrown. An error that is not a Problem is a bug or an outage: it is logged, and the
 * caller gets a bare 500.
 */
export function answerError(error: unknown, c: Context): Response {
  const problem = toProblem(error, c)
  const deps: Deps | undefined = c.get('deps')
  writeProblemHeaders(c, problem, (asked) => challenge(asked, c.req.path, deps?.config))
  c.header('Content-Type', 'application/problem+json')
  return c.body(JSON.stringify(problemBody(problem, deps?.config.PUBLIC_URL, c.get('requestId'))), problem.status)
}

/** Writes a problem's own headers, `Retry-After` and, with 401, the challenge. */
export function writeProblemHeaders(
  c: Context,
  problem: Problem,
  toChallenge = (asked: string): string => asked,
): void {
  const { 'WWW-Authenticate': asked = BEARER, ...headers } = problem.extra.headers ?? {}
  if (problem.status === 401) c.header('WWW-Authenticate', toChallenge(asked))
  for (const [name, value] of Object.entries(headers)) c.header(name, value)
  const seconds = readRetryAfter(problem)
  if (seconds !== undefined) c.header('Retry-After', seconds)
}

/** Converts what was thrown to a problem. An error that is not one is logged. */
export const toProblem = (error: unknown, c: Context): Problem =>
  problemIn(error) ?? findUnstorable(error) ?? toFrameworkProblem(error) ?? unexpected(error, c)

/** Hono's HTTPException is an error of the caller. It is recognized by its shape, because the class may be loaded twice. */
function toFrameworkProblem(error: unknown): Problem | undefined {
  if (error instanceof URIError) return new Problem('invalid_request', { detail: 'The URL encoding is invalid.' })
  if (!(error instanceof Error && 'getResponse' in error && 'status' in error)) return undefined
  if (error.status === 413) return new Problem('body_too_large')
  if (error.status === 415) return new Problem('unsupported_media_type')
  return Number(error.status) < 500 ? new Problem('invalid_request', { detail: error.message }) : undefined
}

function unexpected(error: unknown, c: Context): Problem {
  if (error instanceof CallerGone) return new Problem('internal')
  log('error', 'request_failed', {
    request_id: c.get('requestId'),
    path: c.req.path,
    ...traceFields(c.req.raw.headers),
    ...errorFields(error),
  })
  return new Problem(isOvertaken(error) ? 'unavailable' : 'internal')
}
