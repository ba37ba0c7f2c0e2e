import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { Config } from '../config.ts'
import { readCredential } from '../http/credentials.ts'
import { clientIp } from '../http/edge.ts'
import { log } from '../lib/log.ts'
import { Problem } from '../problems.ts'
import type { KeyRecord } from '../verification/key-record.ts'
import { noteLastUse } from '../verification/last-use.ts'
import { holdsScope } from '../verification/rules.ts'
import { verifyWithRecord } from '../verification/verify.ts'
import type { ManagementEnv } from './env.ts'
import { loadSession } from './load-session.ts'
import type { KeyBounds, KeyPrincipal, Principal, UserPrincipal } from './principal.ts'
import { IDLE_WHILE_SUSPENDED, isForKeys, type Permission, roleMay, scopeFor } from './roles.ts'

/**
 * Who may call a route: anyone, a signed-in user, an administrator of the deployment, or whoever holds a permission in
 * the organization that the request is about.
 */
export type Access = 'anyone' | 'user' | 'administrator' | Permission

/**
 * The guard of one route. Everything it lets through has a principal and, for a permission, an organization.
 *
 * @param what of the route's declaration it goes by
 */
export const guard = (access: Access, what: Guarded = {}) =>
  createMiddleware<ManagementEnv>(async function guard(c, next) {
    if (access !== 'anyone') await admitOrLog(c, access, what)
    await next()
  })

interface Guarded {
  /** Whether the route touches credentials or security settings: support sessions do not get there. */
  readonly credentials?: boolean | undefined
  /** Whether it makes something, which a suspended organization may not have. */
  readonly creates?: boolean | undefined
  /** Whether the query string may name the organization. Where it may not, its name is refused like any other unknown one. */
  readonly isNamedInQuery?: boolean | undefined
  /** The scope with which a service key gets in. */
  readonly service?: string | undefined
}

/** Who was refused what they are signed in for is logged (ASVS 16.3.2): a stranger's attempts are too many and say little. */
async function admitOrLog(c: Context<ManagementEnv>, access: Exclude<Access, 'anyone'>, what: Guarded) {
  try {
    await admitPrincipal(c, access, what)
    if (what.credentials && isImpersonated(c.var.principal)) throw new Problem('forbidden_while_impersonating')
    if (what.creates && isIdle(access)) requireNotSuspended(c.var.principal, c.var.organizationId)
  } catch (error) {
    const { principal, requestId } = c.var
    if (principal && error instanceof Problem) {
      const about = { method: c.req.method, path: c.req.path, allow: access, ...whoIs(principal) }
      log('warn', 'access_refused', { request_id: requestId, code: error.code, ...about })
    }
    throw error
  }
}

const isImpersonated = (principal: Principal) => principal.kind === 'user' && principal.impersonatorId !== null

const isIdle = (access: Access) => (IDLE_WHILE_SUSPENDED as readonly Access[]).includes(access)

/** Keys of a suspended organization do not verify, so that only its people get this far. */
function requireNotSuspended(principal: Principal, organizationId: string): void {
  if (principal.kind !== 'user') return
  const membership = principal.memberships.find((one) => one.organization_id === organizationId)
  if (membership?.is_suspended) throw new Problem('organization_suspended')
}

const whoIs = (principal: Principal) =>
  principal.kind === 'user'
    ? { user_id: principal.userId, impersonator_id: principal.impersonatorId }
    : { key_id: principal.keyId }

async function admitPrincipal(
  c: Context<ManagementEnv>,
  access: Exclude<Access, 'anyone'>,
  what: Guarded,
): Promise<void> {
  const principal = await authenticate(c)
  c.set('principal', principal)
  if (access === 'user' || access === 'administrator') {
    if (principal.kind !== 'user') throw new Problem('user_only')
    if (access === 'administrator') requireAdministrator(c.var.deps.config, principal)
    c.set('user', principal)
  } else if (what.service && isService(principal, access, what.service)) {
    c.set('isService', true)
  } else {
    c.set('organizationId', organizationFor(principal, access, await namedOrganization(c, what)))
    if (principal.kind === 'user') c.set('user', principal)
  }
}

/**
 * Whether a service key acts for any organization. One with the scope of customers' keys acts as those do, for its own.
 *
 * @throws Problem `forbidden` for a key of the platform organization that has neither scope
 */
function isService(principal: Principal, permission: Permission, service: string): boolean {
  if (principal.kind !== 'key' || !principal.isPlatform) return false
  if (holdsScope(principal.scopes, service)) return true
  if (holdsScope(principal.scopes, scopeFor(permission) ?? '')) return false
  throw new Problem('forbidden', { detail: `The key needs the scope ${service}.` })
}

/** 404, not 403: do not reveal that the admin API exists. */
function requireAdministrator(config: Config, { isAdministrator, hasTwoFactor }: UserPrincipal): void {
  if (!isAdministrator) throw new Problem('not_found')
  if (config.ADMIN_REQUIRES_TWO_FACTOR && !hasTwoFactor) throw new Problem('two_factor_required')
}

/** @throws Problem `unauthenticated`, the same for every way in which a credential can be wrong */
async function authenticate(c: Context<ManagementEnv>): Promise<Principal> {
  const credential = readCredential(c.req.raw)
  if (!credential) throw new Problem('unauthenticated')
  return credential.includes('.') ? authenticateUser(c, credential) : authenticateKey(c, credential)
}

async function authenticateUser(c: Context<ManagementEnv>, token: string): Promise<UserPrincipal> {
  const session = await loadSession(c.var.deps, token)
  if (!session) throw invalid('The access token is expired, revoked or not ours.')
  return session
}

async function authenticateKey(c: Context<ManagementEnv>, key: string): Promise<KeyPrincipal> {
  const { deps } = c.env // a batch of usage may begin here that others' events join: no request's budget ends it
  const { verdict, record } = await verifyWithRecord(
    deps,
    { key, cost: 0, scopes: [], ip: clientIp(c) },
    { requestId: c.var.requestId, isUnrecorded: true },
  )
  if (!verdict.valid || !record) throw invalid(`The API key is not valid: ${verdict.code}.`)
  const { keyId, lineageId, organizationId, scopes, isPlatform } = record
  noteLastUse(deps, { keyId, organizationId })
  return { kind: 'key', keyId, lineageId, organizationId, scopes, isPlatform, bounds: toBounds(record) }
}

function toBounds({ environment, expiresAt, allowedIps, customRateLimit, namedLimits }: KeyRecord): KeyBounds {
  const end = expiresAt === undefined ? null : new Date(expiresAt).toISOString()
  return { environment, expiresAt: end, allowedIps: allowedIps ?? null, customRateLimit, namedLimits }
}

function invalid(detail: string): Problem {
  return new Problem('unauthenticated', {
    detail,
    headers: { 'WWW-Authenticate': 'Bearer realm="tollgate", error="invalid_token"' },
  })
}

/** The organization a request names, in its path, its query or its body; the active one when it names none. */
async function namedOrganization(c: Context<ManagementEnv>, { isNamedInQuery }: Guarded): Promise<string | undefined> {
  const inQuery = isNamedInQuery ? c.req.query('organization_id') : undefined
  const named = c.req.param('organization_id') ?? inQuery
  if (named !== undefined || c.req.bodyCache.text === undefined) return named
  const body: unknown = await c.req.json()
  const inBody =
    typeof body === 'object' && body !== null && 'organization_id' in body ? body.organization_id : undefined
  return typeof inBody === 'string' ? inBody : undefined
}

/**
 * @throws Problem `organization_not_found` for an organization that the principal does not belong to, as for one that
 *   does not exist; `forbidden` when it belongs, but may not; `user_only` for a key where it never may
 */
export function organizationFor(principal: Principal, permission: Permission, named: string | undefined): string {
  const organizationId = named?.toLowerCase() ?? principal.organizationId
  if (!organizationId) throw new Problem('organization_not_found')
  if (principal.kind === 'key') requireKeyPermission(principal, permission, organizationId)
  else requireMember(principal, permission, organizationId)
  return organizationId
}

function requireKeyPermission(key: KeyPrincipal, permission: Permission, organizationId: string): void {
  if (organizationId !== key.organizationId) throw new Problem('organization_not_found')
  if (!isForKeys(permission)) throw new Problem('user_only')
  const scope = scopeFor(permission)
  if (scope && !holdsScope(key.scopes, scope))
    throw new Problem('forbidden', { detail: `The key needs the scope ${scope}.` })
}

function requireMember({ memberships }: UserPrincipal, permission: Permission, organizationId: string): void {
  const membership = memberships.find((one) => one.organization_id === organizationId)
  if (!membership) throw new Problem('organization_not_found')
  if (!roleMay(membership.role, permission))
    throw new Problem('forbidden', { detail: `The role ${membership.role} lacks ${permission}.` })
}
