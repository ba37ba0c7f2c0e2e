import type { Context } from 'hono'
import { readCredential } from '../http/credentials.ts'
import { clientIp, respondJson } from '../http/edge.ts'
import type { AppEnv } from '../http/env.ts'
import { readJson } from '../http/json-body.ts'
import { ACTOR, CLIENT_IP, wrongHeader } from '../http/naming-headers.ts'
import { describeUnknown, quoteName } from '../lib/unknown-fields.ts'
import { missingScope, Problem, parseInput } from '../problems.ts'
import { type CachedKey, findKey, reloadKey } from './cache.ts'
import { VerifyInput } from './input.ts'
import { findRefusal } from './rules.ts'
import type { Verdict } from './verdict.ts'
import { verdictFields } from './verdict-headers.ts'
import { type Caller, verifyKey } from './verify.ts'

const SCOPE = 'platform:verify'

/**
 * `POST /api/v1/keys/verify`, for the operator's own services. Once the service has presented a valid service key, the
 * response is always 200 with a verdict.
 */
export async function handleVerify(c: Context<AppEnv>): Promise<Response> {
  const deps = c.get('deps') // c.var would copy all variables
  const requestId = c.get('requestId')
  const serviceKey = readCredential(c.req.raw)
  if (!serviceKey) throw new Problem('unauthenticated')
  const caller = await serviceCaller(c, serviceKey)
  requireNoParameters(c.req.raw.url)
  requireNoNaming(c.req.raw.headers)
  const verdict = await verifyKey(deps, parseInput(VerifyInput, await readJson(c.req.raw)), { requestId, caller })
  return respondJson(requestId, verdict, limitHeaders(verdict, deps.now()))
}

/** @throws Problem `invalid_request`: unknown query parameters are refused here like on any other route */
function requireNoParameters(url: string): void {
  if (!url.includes('?')) return
  const errors = [...new Set(new URL(url).searchParams.keys())]
    .slice(0, 10)
    .map((name) => ({ path: `query.${quoteName(name)}`, message: describeUnknown(name, [], 'query parameter') }))
  if (errors.length > 0) throw new Problem('invalid_request', { errors })
}

/** @throws Problem `invalid_request` for headers of the management API that cannot take effect on a verification */
function requireNoNaming(headers: Headers): void {
  if (headers.has(CLIENT_IP))
    throw wrongHeader(CLIENT_IP, 'cannot count here: the address of the caller is `ip` in the body')
  if (headers.has(ACTOR)) throw wrongHeader(ACTOR, 'cannot count here: a verification leaves no audit row')
}

/** @throws Problem `unauthenticated` or `forbidden`: a customer's key learns nothing here */
async function serviceCaller(c: Context<AppEnv>, key: string): Promise<Caller> {
  const deps = c.get('deps')
  const check = (cached: CachedKey): Caller => {
    const record = cached.record?.isPlatform ? cached.record : undefined
    const ip = record?.allowedIps && clientIp(c) // reading a header costs about 1 µs
    const refusal = findRefusal(record, { scopes: [SCOPE], ip }, deps.now())
    if (refusal === 'INSUFFICIENT_SCOPE') throw missingScope(SCOPE)
    if (refusal)
      throw new Problem('unauthenticated', { detail: 'Verifying keys requires a service key of this deployment.' })
    return { cached, reload: async () => check(await reloadKey(deps, key)) }
  }
  return check(await findKey(deps, key))
}

/**
 * Without `Retry-After`: the response is a 200, and the verdict is about the key's holder, not about the calling
 * service.
 */
function limitHeaders({ ratelimit }: Verdict, now: number): Record<string, string> {
  return ratelimit ? verdictFields(ratelimit, now) : {}
}
