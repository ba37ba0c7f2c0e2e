import type { Context } from 'hono'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { isOwnResource } from '../http/challenge.ts'
import { readHeaderCredential } from '../http/credentials.ts'
import { clientIp } from '../http/edge.ts'
import type { AppEnv } from '../http/env.ts'
import { Problem, type ProblemCode } from '../problems.ts'
import type { VerdictCode } from '../verdict-codes.ts'
import { findKey } from '../verification/cache.ts'
import { isAccessToken, isForAnother } from '../verification/key-format.ts'
import type { KeyRecord } from '../verification/key-record.ts'
import type { Verdict } from '../verification/verdict.ts'
import { readVerdictHeaders } from '../verification/verdict-headers.ts'
import { type VerifyContext, verifyWithRecord } from '../verification/verify.ts'
import { describeEndpoint, type Match } from './match.ts'
import { retryHeaders } from './retry-headers.ts'

/** A key that has the permissions for the request. */
export interface Admitted {
  readonly record: KeyRecord
  /** The `RateLimit` fields for the response. */
  readonly limits: Readonly<Record<string, string>>
}

const MAX_KEY_LENGTH = 256

/**
 * Verifies the key of a request, and consumes the route's cost.
 *
 * @throws Problem with the verdict's status and headers when the key is refused
 */
export async function admit(c: Context<AppEnv>, match: Match, hold: VerifyContext['hold']): Promise<Admitted> {
  const deps = c.get('deps')
  const { headers, method } = c.req.raw
  const key = readHeaderCredential(c.req.raw)
  if (!key || key.length > MAX_KEY_LENGTH) throw new Problem('unauthenticated', { detail: PRESENT_KEY })
  await requireMadeForHere(deps, key, c.req.url)
  const { scopes, cost, limits } = match.route
  const request = {
    key,
    scopes: [...scopes],
    cost,
    limits: { ...limits },
    endpoint: describeEndpoint(match),
    method,
    ip: clientIp(c),
    user_agent: headers.get('User-Agent')?.slice(0, 500),
  }
  const context = { requestId: c.get('requestId'), ...(hold && { hold }) }
  const { verdict, record } = await verifyWithRecord(deps, request, context)
  if (!verdict.valid || !record) throw refuse(verdict, deps.now())
  return { record, limits: readVerdictHeaders(verdict, deps.now()) }
}

/** Runs before the verification, because a verification consumes units. */
async function requireMadeForHere(deps: Deps, key: string, url: string): Promise<void> {
  if (!isAccessToken(key)) return
  const { record } = await findKey(deps, key)
  if (record && isForAnother(key, record.metadata, (resource) => isHere(resource, url, deps.config)))
    throw new Problem('unauthenticated', { detail: FOR_ANOTHER })
}

/** Whether a token was issued for this host, or for this deployment. */
const isHere = (resource: string, url: string, config: Config) =>
  isOwnResource(resource, config) || (URL.canParse(resource) && new URL(resource).host === new URL(url).host)

const FOR_ANOTHER = 'The access token was made for another service.'
const PRESENT_KEY = 'Present an API key, as a bearer token or in X-API-Key.'

const CODES: Partial<Record<VerdictCode, ProblemCode>> = {
  ORGANIZATION_SUSPENDED: 'forbidden',
  FORBIDDEN_IP: 'forbidden',
  INSUFFICIENT_SCOPE: 'forbidden',
  RATE_LIMITED: 'rate_limited',
  QUOTA_EXCEEDED: 'quota_exceeded',
  CREDITS_EXHAUSTED: 'credits_exhausted',
}

function refuse(verdict: Verdict, now: number): Problem {
  const code = CODES[verdict.code] ?? 'unauthenticated'
  return new Problem(code, {
    ...(code !== 'rate_limited' && { detail: `The API key was refused: ${verdict.code}.` }),
    headers: { ...readVerdictHeaders(verdict, now), ...retryHeaders(code, verdict.retry_after) },
  })
}
