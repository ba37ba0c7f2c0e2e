import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { createMiddleware } from 'hono/factory'
import { problemIn, sqlState } from '../db/client.ts'
import { createDeps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { Problem, problemBody } from '../problems.ts'
import type { AppEnv } from './env.ts'

/** On every answer, errors included. An API answer is never a page: nothing in it may load, run or be framed. */
const SECURITY_HEADERS = {
  'Content-Security-Policy': "default-src 'none'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'",
  'Strict-Transport-Security': 'max-age=63072000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-site',
  'Cache-Control': 'no-store',
}

/** Made once: an answer that begins with them copies them in one go. */
const JSON_HEADERS = new Headers({ ...SECURITY_HEADERS, 'Content-Type': 'application/json' })

/** Gives each request its id, its address and its Deps, and each answer its headers. */
export const withManners = createMiddleware<AppEnv>(async function withManners(c, next) {
  c.set('requestId', uuidv7(Date.now()))
  c.set('clientIp', c.req.header('CF-Connecting-IP')) // the edge overwrites what a client sends here, unlike X-Forwarded-For
  c.set('deps', createDeps(c.env, c.executionCtx))
  await next()
  addHeaders(c)
})

/** A JSON answer that has its headers already: for what is asked so often that adding them afterwards would tell. */
export function jsonWithManners(requestId: string, body: unknown, more: Readonly<Record<string, string>>): Response {
  const answer = new Response(JSON.stringify(body), { headers: JSON_HEADERS })
  answer.headers.set('X-Request-Id', requestId)
  for (const name in more) answer.headers.set(name, more[name] as string)
  return answer
}

function addHeaders(c: Context): void {
  const { headers } = c.res // not by c.header(): it copies the whole answer each time
  if (headers.has('X-Request-Id')) return
  headers.set('X-Request-Id', c.get('requestId'))
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!headers.has(name)) headers.set(name, value)
}

/** Lets pages of the configured origins call the API. Credentials are bearer tokens and keys, so cookies are never allowed. */
export const withCors: MiddlewareHandler<AppEnv> = async function withCors(c, next) {
  if (c.req.header('Origin') !== undefined || c.req.method === 'OPTIONS') return corsOf(c, next)
  await next()
  c.res.headers.append('Vary', 'Origin') // what a page of another origin would be told differs
}

const corsOf = cors({
  origin(origin, c: Context<AppEnv>) {
    const origins = c.get('deps').config.CORS_ORIGINS
    return origins.includes('*') ? '*' : origins.includes(origin) ? origin : null
  },
  allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowHeaders: ['Authorization', 'Content-Type', 'X-API-Key', 'Idempotency-Key'],
  exposeHeaders: ['X-Request-Id', 'RateLimit', 'RateLimit-Policy', 'Retry-After', 'Location'],
  maxAge: 600,
})

/** The last stop of everything thrown. What is no Problem is a bug or an outage: logged here, and bare outside. */
export function answerError(error: unknown, c: Context): Response {
  const problem = problemIn(error) ?? unexpected(error, c)
  if (problem.status === 401) c.header('WWW-Authenticate', 'Bearer realm="tollgate"')
  if (problem.status === 503) c.header('Retry-After', '2')
  for (const [name, value] of Object.entries(problem.extra.headers ?? {})) c.header(name, value)
  c.header('Content-Type', 'application/problem+json')
  addHeaders(c)
  const docs = new URL('/docs', c.req.url).href
  return c.body(JSON.stringify(problemBody(problem, docs, c.get('requestId'))), problem.status)
}

function unexpected(error: unknown, c: Context): Problem {
  const isContention = sqlState(error)?.startsWith('40') // deadlock or serialization failure: nothing was done
  log('error', 'request_failed', { request_id: c.get('requestId'), path: c.req.path, ...errorFields(error) })
  return new Problem(isContention ? 'unavailable' : 'internal')
}
