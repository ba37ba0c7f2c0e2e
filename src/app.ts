/**
 * Table of contents: the code that runs for every request, the answers that need nothing else, and where the rest is.
 *
 * Only modules that a key verification needs are imported here. Everything else is behind one `import()`, so that an
 * isolate that only verifies keys never loads it.
 */
import { Hono } from 'hono'
import { requireFeature } from './config-features.ts'
import { withForeignAnswers, withRequestContext } from './http/edge.ts'
import type { AppEnv, Env } from './http/env.ts'
import { health, live } from './http/health.ts'
import { withHealthLimit } from './http/health-limit.ts'
import { lazily } from './lib/lazily.ts'
import { handleVerify } from './verification/route.ts'

/** It brings the list of migrations, which nothing else here needs. */
const loadReady = lazily(() => import('./http/ready.ts'))

export const app = new Hono<AppEnv>()

app.post('/api/v1/keys/verify', withRequestContext(handleVerify))
app.get('/health', withRequestContext(withHealthLimit(health)))
app.get('/health/live', withRequestContext(withHealthLimit(live)))
app.get('/health/ready', withRequestContext(withHealthLimit(async (c) => (await loadReady()).ready(c))))

const loadGateway = lazily(() => import('./gateway/handle.ts'))
const handleGateway = withForeignAnswers(async (c) => (await loadGateway()).handleGateway(c))

app.all('/gw/*', handleGateway)

/** For the hosts of the gateway: there, no path is Tollgate's own. */
const gatewayHosts = new Hono<AppEnv>().all('*', handleGateway)

/** Sends each request to the gateway or to Tollgate itself, by its host. */
export function handleRequest(request: Request, env: Env, context: ExecutionContext): Response | Promise<Response> {
  const { GATEWAY_HOSTS: hosts } = env
  const isForGateway =
    typeof hosts === 'string' &&
    hosts !== '' &&
    isGatewayHost(request.url, hosts, URL.parse(String(env.PUBLIC_URL))?.host)
  return (isForGateway ? gatewayHosts : app).fetch(request, env, context)
}

function isGatewayHost(url: string, hosts: string, ownHost: string | undefined): boolean {
  const { host } = new URL(url)
  if (host === ownHost) return false // refused in GATEWAY_HOSTS: nothing else would be reached there
  return hosts.split(',').some((one) => one.trim().toLowerCase() === host)
}

const loadManagement = lazily(() => import('./management.ts'))

const handleManagement = withRequestContext(async (c) => {
  const { deps, requestId } = c.var
  requireFeature(deps.config, 'management')
  const { management } = await loadManagement()
  const answer = management.fetch(underV1(c.req.raw), { deps, requestId, assets: c.env.ASSETS }, c.executionCtx)
  // finishes the work that has begun, even if the caller disconnects
  deps.defer(Promise.resolve(answer).catch(() => undefined))
  return answer
})

/** A path is normalized first, so that what applies to a route applies to every spelling of its path. */
app.all('*', (c) => {
  const path = tidyPath(new URL(c.req.raw.url).pathname)
  return path === undefined ? handleManagement(c) : app.fetch(withPath(c.req.raw, path), c.env, c.executionCtx)
})

/** @returns the path without repeated or trailing slashes; undefined if it has none */
function tidyPath(path: string): string | undefined {
  const tidy = path.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '')
  return tidy === path ? undefined : tidy
}

function withPath(request: Request, path: string): Request {
  const url = new URL(request.url)
  url.pathname = path
  return new Request(url, request)
}

/** `/api/auth/…` is an alias of `/api/v1/auth/…`. */
function underV1(request: Request): Request {
  const { pathname } = new URL(request.url)
  return pathname.startsWith('/api/auth/') ? withPath(request, `/api/v1${pathname.slice('/api'.length)}`) : request
}
