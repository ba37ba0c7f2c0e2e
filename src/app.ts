/**
 * Table of contents: what runs for every request, what is answered at once, and where the rest is.
 *
 * Only what a key verification needs is imported here. Everything else is behind one `import()`, so that an isolate
 * which only verifies keys never evaluates it.
 */
import { Hono } from 'hono'
import type { Config } from './config.ts'
import { withRequestContext } from './http/edge.ts'
import type { AppEnv } from './http/env.ts'
import { health, live } from './http/health.ts'
import { Problem } from './problems.ts'
import { handleVerify } from './verification/route.ts'

export const app = new Hono<AppEnv>()

app.post('/api/v1/keys/verify', withRequestContext(handleVerify))
app.get('/health', withRequestContext(health))
app.get('/health/live', withRequestContext(live))

/** Kept when it is there, so that no request waits for what another one began. */
let loaded: typeof import('./management.ts') | undefined

const handleManagement = withRequestContext(async (c) => {
  const { deps, requestId } = c.var
  requireManagement(deps.config)
  loaded ??= await import('./management.ts')
  const answer = loaded.management.fetch(underV1(c.req.raw), { deps, requestId }, c.executionCtx)
  deps.defer(Promise.resolve(answer).catch(() => undefined)) // what has begun is finished, also when the caller hangs up
  return answer
})

/** A path is tidied before anything looks at it, so that what holds for a route holds for every spelling of its path. */
app.all('*', (c) => {
  const path = tidyPath(new URL(c.req.raw.url).pathname)
  return path === undefined ? handleManagement(c) : app.fetch(withPath(c.req.raw, path), c.env, c.executionCtx)
})

/** @returns the path without slashes at its end or after one another; undefined where there are none */
function tidyPath(path: string): string | undefined {
  const tidy = path.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')
  return tidy === path ? undefined : tidy
}

function withPath(request: Request, path: string): Request {
  const url = new URL(request.url)
  url.pathname = path
  return new Request(url, request)
}

/** Without its own address nothing can be signed or linked to; keys are verified all the same. */
function requireManagement({ faults }: Config): void {
  const fault = faults.find(({ feature }) => feature === 'management')
  if (fault) throw new Problem('misconfigured', { detail: `${fault.variable} ${fault.reason}.` })
}

/** `/api/auth/…` is another name of `/api/v1/auth/…`. */
function underV1(request: Request): Request {
  const { pathname } = new URL(request.url)
  return pathname.startsWith('/api/auth/') ? withPath(request, `/api/v1${pathname.slice('/api'.length)}`) : request
}
