import type { Context } from 'hono'
import type { TrustedIssuer } from '../config-issuers.ts'
import { BEARER, isOwnResource } from '../http/challenge.ts'
import { readCredential } from '../http/credentials.ts'
import { clientIp } from '../http/edge.ts'
import { ACTOR, wrongHeader } from '../http/naming-headers.ts'
import { Problem } from '../problems.ts'
import { isForAnother } from '../verification/key-format.ts'
import type { KeyRecord } from '../verification/key-record.ts'
import { noteLastUse } from '../verification/last-use.ts'
import { verifyWithRecord } from '../verification/verify.ts'
import type { ManagementEnv } from './env.ts'
import { loadExternal } from './issuers/load-external.ts'
import { describeTokenFlaw } from './issuers/rules.ts'
import { findIssuer } from './issuers/verify.ts'
import { loadPortal } from './load-portal.ts'
import { loadSession } from './load-session.ts'
import type {
  ExternalPrincipal,
  KeyBounds,
  KeyPrincipal,
  PortalPrincipal,
  Principal,
  ServicePrincipal,
  UserPrincipal,
} from './principal.ts'
import { isServiceKey } from './service-scopes.ts'

/**
 * Authenticates a request.
 *
 * @throws Problem `unauthenticated`, the same for every way in which a credential can be wrong;
 *   `issuer_unavailable`, and `organization_not_found` for a trusted issuer's token of an unknown one; `invalid_request` for a
 *   `Tollgate-Actor` that is too long, or that does not come from a service
 */
export async function authenticate(c: Context<ManagementEnv>): Promise<Principal> {
  const credential = readCredential(c.req.raw)
  if (!credential) throw new Problem('unauthenticated')
  const principal = credential.includes('.')
    ? await authenticateUser(c, credential)
    : await authenticateKey(c, credential)
  const actor = c.req.header(ACTOR)
  if (actor !== undefined && principal.kind !== 'service') throw wrongHeader(ACTOR, 'is for service keys')
  return principal
}

const MAX_ACTOR_LENGTH = 200

function readActor(c: Context<ManagementEnv>): string | null {
  const actor = c.req.header(ACTOR)?.trim() || null
  if (actor !== null && actor.length > MAX_ACTOR_LENGTH)
    throw wrongHeader(ACTOR, `must have at most ${MAX_ACTOR_LENGTH} characters`)
  return actor
}

const UNKNOWN_ORGANIZATION = 'No organization has the external_id that the token names.'

async function authenticateUser(
  c: Context<ManagementEnv>,
  token: string,
): Promise<UserPrincipal | ExternalPrincipal | PortalPrincipal> {
  const issuer = findIssuer(c.var.deps.config, token)
  if (issuer) return authenticateExternal(c, issuer, token)
  const session = (await loadSession(c.var.deps, token)) ?? (await loadPortal(c.var.deps, token))
  if (!session) throw invalid('The access token is expired, revoked or not ours.')
  return session
}

async function authenticateExternal(
  c: Context<ManagementEnv>,
  issuer: TrustedIssuer,
  token: string,
): Promise<ExternalPrincipal> {
  const user = await loadExternal(c.var.deps, issuer, token)
  if (user === 'organization_unknown') throw new Problem('organization_not_found', { detail: UNKNOWN_ORGANIZATION })
  if (typeof user === 'string') throw invalid(describeTokenFlaw(user))
  return user
}

async function authenticateKey(c: Context<ManagementEnv>, key: string): Promise<KeyPrincipal | ServicePrincipal> {
  const { deps } = c.env // this may open a batch of usage that other requests' events join, so no request's time budget applies
  const { verdict, record } = await verifyWithRecord(
    deps,
    { key, cost: 0, scopes: [], ip: clientIp(c) },
    { requestId: c.var.requestId, isUnrecorded: true },
  )
  if (!verdict.valid || !record) throw invalid(`The API key is not valid: ${verdict.code}.`)
  const { keyId, lineageId, organizationId, scopes, isPlatform, metadata } = record
  if (isForAnother(key, metadata, (resource) => isOwnResource(resource, deps.config)))
    throw invalid('The access token was made for another service.')
  noteLastUse(deps, { keyId, organizationId })
  if (isPlatform && isServiceKey(scopes))
    return { kind: 'service', keyId, lineageId, organizationId, scopes, onBehalfOf: readActor(c) }
  return { kind: 'key', keyId, lineageId, organizationId, scopes, bounds: toBounds(record) }
}

function toBounds(record: KeyRecord): KeyBounds {
  const { environment, expiresAt, allowedIps, customRateLimit, windowLimits, counterLimits, maxConcurrent } = record
  return {
    environment,
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    allowedIps: allowedIps ?? null,
    customRateLimit,
    limits: [...windowLimits, ...counterLimits].filter(({ of }) => of === undefined), // whatever key it makes has those of its organization
    maxConcurrent,
  }
}

function invalid(detail: string): Problem {
  return new Problem('unauthenticated', {
    detail,
    headers: { 'WWW-Authenticate': `${BEARER}, error="invalid_token"` },
  })
}
