import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import { loadSession } from '../accounts/load-session.ts'
import type { Config } from '../config.ts'
import { holdsScope } from '../keys/rules.ts'
import { verifyKey } from '../keys/verify.ts'
import { log } from '../lib/log.ts'
import { type Permission, roleMay, scopeFor } from '../organizations/roles.ts'
import { Problem } from '../problems.ts'
import { readCredential } from './credentials.ts'
import type { ManagementEnv } from './management-env.ts'
import type { KeyPrincipal, Principal, UserPrincipal } from './principal.ts'

/**
 * Who may call a route: anyone, a signed-in user, an administrator of the deployment, or whoever holds a permission in
 * the organization that the request is about.
 */
export type Access = 'anyone' | 'user' | 'administrator' | Permission

/**
 * The guard of one route. Everything it lets through has a principal and, for a permission, an organization.
 *
 * @param credentials whether the route touches credentials or security settings: support sessions do not get there
 */
export const guard = (access: Access, credentials = false) =>
  createMiddleware<ManagementEnv>(async function guard(c, next) {
    if (access !== 'anyone') await admitOrLog(c, access, credentials)
    await next()
  })

/** Who was refused what they are signed in for is logged (ASVS 16.3.2): a stranger's attempts are too many and say little. */
async function admitOrLog(c: Context<ManagementEnv>, access: Exclude<Access, 'anyone'>, credentials: boolean) {
  try {
    await admitPrincipal(c, access)
    if (credentials && isImpersonated(c.var.principal)) throw new Problem('forbidden_while_impersonating')
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

const whoIs = (principal: Principal) =>
  principal.kind === 'user'
    ? { user_id: principal.userId, impersonator_id: principal.impersonatorId }
    : { key_id: principal.keyId }

async function admitPrincipal(c: Context<ManagementEnv>, access: Exclude<Access, 'anyone'>): Promise<void> {
  const principal = await authenticate(c)
  c.set('principal', principal)
  if (access === 'user' || access === 'administrator') {
    if (principal.kind !== 'user') throw new Problem('user_only')
    if (access === 'administrator') refuseOthers(c.var.deps.config, principal)
    c.set('user', principal)
  } else {
    c.set('organizationId', organizationFor(principal, access, await namedOrganization(c)))
  }
}

/** That there is an administration is nobody's business but theirs. */
function refuseOthers(config: Config, { isAdministrator, hasTwoFactor }: UserPrincipal): void {
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
  const about = { endpoint: routePath(c), method: c.req.method, ip: c.var.clientIp }
  const verdict = await verifyKey(c.var.deps, { key, cost: 0, scopes: [], ...about }, c.var)
  if (!verdict.valid || !verdict.key_id || !verdict.organization_id)
    throw invalid(`The API key is not valid: ${verdict.code}.`)
  return { kind: 'key', keyId: verdict.key_id, organizationId: verdict.organization_id, scopes: verdict.scopes ?? [] }
}

function invalid(detail: string): Problem {
  return new Problem('unauthenticated', {
    detail,
    headers: { 'WWW-Authenticate': 'Bearer realm="tollgate", error="invalid_token"' },
  })
}

/** The organization a request names, in its path, its query or its body; the active one when it names none. */
async function namedOrganization(c: Context<ManagementEnv>): Promise<string | undefined> {
  const named = c.req.param('organization_id') ?? c.req.query('organization_id')
  if (named !== undefined || c.req.bodyCache.text === undefined) return named
  const body: unknown = await c.req.json()
  const inBody =
    typeof body === 'object' && body !== null && 'organization_id' in body ? body.organization_id : undefined
  return typeof inBody === 'string' ? inBody : undefined
}

/**
 * @throws Problem `organization_not_found` for an organization that the principal does not belong to, as for one that
 *   does not exist; `forbidden` when it belongs, but may not
 */
export function organizationFor(principal: Principal, permission: Permission, named: string | undefined): string {
  const organizationId = named?.toLowerCase() ?? principal.organizationId
  if (!organizationId) throw new Problem('organization_not_found')
  if (principal.kind === 'key') {
    if (organizationId !== principal.organizationId) throw new Problem('organization_not_found')
    const scope = scopeFor(permission)
    if (scope && !holdsScope(principal.scopes, scope))
      throw new Problem('forbidden', { detail: `The key needs the scope ${scope}.` })
    return organizationId
  }
  const membership = principal.memberships.find((one) => one.organization_id === organizationId)
  if (!membership) throw new Problem('organization_not_found')
  if (!roleMay(membership.role, permission))
    throw new Problem('forbidden', { detail: `The role ${membership.role} lacks ${permission}.` })
  return organizationId
}
