import type { Context, MiddlewareHandler } from 'hono'
import { matchedRoutes } from 'hono/route'
import { readEdgeAddress } from './fetch.ts'
import { type Client, checkRequest, type KeyContext, type Need, type WaitUntil } from './protect.ts'

export type { KeyContext, Need, Used } from './protect.ts'

export interface HonoNeed extends Need {
  /** The caller's address. By default that of Cloudflare's edge, and none elsewhere: other headers can be forged. */
  readonly ip?: ((c: Context) => string | undefined) | undefined
}

/** What the handlers after it find in `c.var.tollgate`. */
export interface KeyEnv {
  Variables: { tollgate: KeyContext }
}

/**
 * Lets requests with a valid key through and answers all others with problem+json. Answers carry the key's `RateLimit`
 * headers. Afterwards it reports status, time and what the handler said was used.
 *
 * @param client or what gives one for a request, such as from `c.env`
 * @param need or what gives one for a request
 */
export function requireKey(
  client: Client | ((c: Context) => Client),
  need: HonoNeed | ((c: Context) => HonoNeed) = {},
): MiddlewareHandler<KeyEnv> {
  return async function requireKey(c, next) {
    const wanted = typeof need === 'function' ? need(c) : need
    const known = typeof client === 'function' ? client(c) : client
    const decision = await checkRequest(known, wanted, readFacts(c, wanted))
    if (decision.refusal) return new Response(decision.refusal.body, decision.refusal)
    const { passage } = decision
    c.set('tollgate', passage)
    await next() // what a handler throws is an answer by then
    for (const [name, value] of Object.entries(passage.verdict.headers)) c.header(name, value)
    passage.report(c.res.status, wanted.waitUntil ?? findWaitUntil(c))
    return undefined
  }
}

const readFacts = (c: Context, { ip = ({ req }) => readEdgeAddress(req.raw) }: HonoNeed) => ({
  authorization: c.req.header('Authorization'),
  apiKey: c.req.header('X-API-Key'),
  userAgent: c.req.header('User-Agent'),
  method: c.req.method,
  endpoint: readEndpoint(c),
  ip: ip(c),
  traceparent: c.req.header('traceparent'),
})

/**
 * The handler's pattern: that of the guard itself unless it is for many paths. Else the first after it that is for a method,
 * since middlewares match all of them.
 */
function readEndpoint(c: Context): string {
  const [own, ...later] = matchedRoutes(c).slice(c.req.routeIndex)
  if (own && !own.path.includes('*')) return own.path
  return (later.find(({ method }) => method !== 'ALL') ?? later.at(-1) ?? own)?.path ?? c.req.path
}

function findWaitUntil(c: Context): WaitUntil | undefined {
  try {
    const { executionCtx } = c
    return (work) => executionCtx.waitUntil(work)
  } catch {
    return undefined // Hono throws where the platform has none
  }
}
