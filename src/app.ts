/**
 * Table of contents: what runs for every request, what is answered at once, and where the rest is.
 *
 * Only what a key verification needs is imported here. Everything else is behind one `import()`, so that an isolate
 * which only verifies keys never evaluates it.
 */
import { Hono } from 'hono'
import type { AppEnv } from './http/env.ts'
import { health, live } from './http/health.ts'
import { withManners } from './http/manners.ts'
import { handleVerify } from './keys/verify-route.ts'

export const app = new Hono<AppEnv>()

app.post('/api/v1/keys/verify', withManners(handleVerify))
app.get('/health', withManners(health))
app.get('/health/live', withManners(live))

app.all(
  '*',
  withManners(async (c) => {
    const { management } = await import('./management.ts')
    const { deps, requestId } = c.var
    const answer = management.fetch(underV1(c.req.raw), { deps, requestId }, c.executionCtx)
    deps.defer(Promise.resolve(answer).catch(() => undefined)) // what has begun is finished, also when the caller hangs up
    return answer
  }),
)

/** `/api/auth/…` is another name of `/api/v1/auth/…`. */
function underV1(request: Request): Request {
  const url = new URL(request.url)
  if (!url.pathname.startsWith('/api/auth/')) return request
  url.pathname = `/api/v1${url.pathname.slice('/api'.length)}`
  return new Request(url, request)
}
