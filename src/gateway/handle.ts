/**
 * The gateway: a request to another API passes through Tollgate, without any change to that API.
 *
 * 1. The route: by slug (`/gw/{slug}/…`), or by a host of the gateway.
 * 2. The key: verified like any other, with the route's requirements. A public path needs none.
 * 3. The request goes upstream without the headers meant for Tollgate. Bodies stream, in both directions.
 * 4. The usage is counted: the request with its status, and the tokens or units that the response reports.
 */
import type { Context } from 'hono'
import type { Deps } from '../deps.ts'
import { CALLER_GONE, CallerGone } from '../http/caller-gone.ts'
import { clientIp } from '../http/edge.ts'
import type { AppEnv } from '../http/env.ts'
import { Problem } from '../problems.ts'
import { admit } from './admit.ts'
import type { Call } from './call.ts'
import { forward } from './forward.ts'
import { setCallerHeaders, upstreamHeaders } from './headers.ts'
import { holdEvent } from './held-event.ts'
import { forwardMetered } from './llm/forward-metered.ts'
import { belongsElsewhere, isPublic, type Match, matchRoute, targetUrl } from './match.ts'
import { leavesItsPlace } from './path.ts'
import { reportHeaders } from './report-headers.ts'
import { findRoutes } from './route-cache.ts'

/** @throws Problem of the gateway; an upstream's error response is not a problem */
export async function handleGateway(c: Context<AppEnv>): Promise<Response> {
  const deps = c.get('deps')
  const requestId = c.get('requestId')
  const request = c.req.raw
  const began = deps.now()
  const url = new URL(request.url)
  const match = await findMatch(deps, url)
  const held = holdEvent(deps)
  const isKeyless = isPublic(match.route, match.path) || isPreflight(request)
  const admitted = isKeyless ? undefined : await admit(c, match, held.hold)
  const record = admitted?.record
  deps.budget.lift() // the upstream has its own timeout
  const elapsedMs = () => Math.max(0, deps.now() - began)
  const call: Call = {
    request,
    requestId,
    match,
    search: url.search,
    headers: upstreamHeaders(request, match, { requestId, url, ip: clientIp(c), record }),
    record,
    elapsedMs,
    release: held.release,
    end: (status) => held.end({ status_code: status, response_time_ms: elapsedMs() }),
    leaveToReport: held.leave,
  }
  const answer = await send(deps, call)
  const facts = { requestId, origin: url.origin, limits: admitted?.limits ?? {}, isHere: match.base !== '' }
  const passed = copyAnswer(answer)
  setCallerHeaders(passed, answer, match, facts)
  return passed
}

/** @throws Problem `route_not_found`, `ambiguous_path` */
async function findMatch(deps: Deps, { host, pathname }: URL): Promise<Match> {
  const isHost = deps.config.GATEWAY_HOSTS.includes(host)
  const routes = await findRoutes(deps)
  const match = matchRoute(routes, { host: isHost ? host : undefined, path: pathname })
  if (!match) throw new Problem('route_not_found')
  if (leavesItsPlace(match.path)) throw new Problem('ambiguous_path', { detail: DOT_SEGMENTS })
  if (belongsElsewhere(routes, match)) throw new Problem('ambiguous_path', { detail: OF_ANOTHER })
  return match
}

const DOT_SEGMENTS = 'The path must not have dot segments that are encoded or have parameters.'
const OF_ANOTHER = 'The path is one of another route of this host, or may be read as one.'

/** A page's preflight (Fetch §4.8). It carries no credentials. */
const isPreflight = ({ method, headers }: Request) =>
  method === 'OPTIONS' && headers.has('Origin') && headers.has('Access-Control-Request-Method')

async function send(deps: Deps, call: Call): Promise<Response> {
  const { meter } = call.match.route
  try {
    if (call.record && (meter === 'openai' || meter === 'anthropic'))
      return await forwardMetered(deps, call, { record: call.record, provider: meter })
    return await forwardPlain(deps, call)
  } catch (error) {
    call.end(readStatus(error))
    throw error
  }
}

function readStatus(error: unknown): number {
  if (error instanceof CallerGone) return CALLER_GONE
  return error instanceof Problem ? error.status : 500
}

async function forwardPlain(deps: Deps, call: Call): Promise<Response> {
  const { request, match, search, headers } = call
  const { method, body } = request
  const { route } = match
  const outbound = { route, url: targetUrl(match, search), method, headers, body, caller: request.signal }
  const answer = await forward(outbound, call.release)
  if (typeof route.meter === 'object' && call.record) reportHeaders(deps, call, answer)
  else call.end(answer.status)
  return answer
}

/** Statuses whose responses have no body (Fetch §2.2.3). */
const WITHOUT_BODY = new Set([101, 204, 205, 304])

/** With headers that can be changed: they are copied once, by the new Response. */
function copyAnswer(answer: Response): Response {
  const { status, webSocket, headers, body } = answer
  if (webSocket) return new Response(null, { status: 101, webSocket, headers })
  return new Response(WITHOUT_BODY.has(status) ? null : body, answer)
}
