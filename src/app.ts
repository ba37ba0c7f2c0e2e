/**
 * Table of contents: what runs for every request, what is answered at once, and where the rest is.
 *
 * Only what a key verification needs is imported here. Everything else is behind one `import()`, so that an isolate
 * which only verifies keys never evaluates it.
 */
import { Hono } from 'hono'
import type { Config } from './config.ts'
import type { AppEnv } from './http/env.ts'
import { health, live } from './http/health.ts'
import { withManners } from './http/manners.ts'
import { handleVerify } from './keys/verify-route.ts'
import { Problem } from './problems.ts'

export const app = new Hono<AppEnv>()

app.post('/api/v1/keys/verify', withManners(handleVerify))
app.get('/health', withManners(health))
app.get('/health/live', withManners(live))

app.all(
  '*',
  withManners(async (c) => {
    const { deps, requestId } = c.var
    requireManagement(deps.config)
    const { management } = await import('./management.ts')
    const answer = management.fetch(underV1(c.req.raw), { deps, requestId }, c.executionCtx)
    deps.defer(Promise.resolve(answer).catch(() => undefined)) // what has begun is finished, also when the caller hangs up
    return answer
  }),
)

/** Without its own address nothing can be signed or linked to; keys are verified all the same. */
function requireManagement({ faults }: Config): void {
  const fault = faults.find(({ feature }) => feature === 'management')
  if (fault) throw new Problem('misconfigured', { detail: `${fault.variable} ${fault.reason}.` })
}

/** `/api/auth/…` is another name of `/api/v1/auth/…`. */
function underV1(request: Request): Request {
  const url = new URL(request.url)
  if (!url.pathname.startsWith('/api/auth/')) return request
  url.pathname = `/api/v1${url.pathname.slice('/api'.length)}`
  return new Request(url, request)
}
