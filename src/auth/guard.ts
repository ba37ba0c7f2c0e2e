import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ACTOR, wrongHeader } from '../http/naming-headers.ts'
import { log } from '../lib/log.ts'
import { traceFields } from '../lib/traceparent.ts'
import { Problem } from '../problems.ts'
import { authenticate } from './authenticate.ts'
import type { ManagementEnv } from './env.ts'
import {
  type NamingFields,
  namedOrganization,
  organizationInAddress,
  requireOrganization,
} from './named-organization.ts'
import {
  actsAsOperator,
  needsAccount,
  organizationFor,
  requireAdministrator,
  requireConfirmed,
  requireCustomer,
  requireMet,
  requirePlatformScope,
} from './organization-access.ts'
import type { Principal } from './principal.ts'
import { GIVING_KEYS, IDLE_WHILE_SUSPENDED, type Permission } from './roles.ts'
import { type PlatformScope, platformScopeFor } from './service-scopes.ts'

/**
 * Who may call a route: anyone, a signed-in user, an administrator of the deployment, or a caller with a permission in
 * the organization that the request is about.
 */
export type Access = 'anyone' | 'user' | 'administrator' | Permission

/**
 * The guard of one route. Everything it lets through has a principal and, for a permission, an organization.
 *
 * @param what the parts of the route's declaration that the decision depends on
 */
export const guard = (access: Access, what: Guarded) =>
  createMiddleware<ManagementEnv>(async function guard(c, next) {
    if (access === 'anyone') requireNoActor(c)
    else await admitOrLog(c, access, what)
    await next()
  })

interface Guarded {
  /** Whether the route handles credentials or security settings. Support sessions may not call it. */
  readonly credentials?: boolean | undefined
  /** Whether it creates something. A suspended organization may not. */
  readonly creates?: boolean | undefined
  /** The query fields that may name the organization. All others are refused as unknown. */
  readonly namesInQuery: NamingFields
  /** The scope that lets a service key call a route of administrators. */
  readonly service?: PlatformScope | undefined
  /** Whether members may call it even if they do not meet the organization's requirements. */
  readonly forAllMembers?: boolean | undefined
  /** Whether the body names an owner for each of its items. A service key then need not name an organization for the request. */
  readonly ownersInBody?: boolean | undefined
}

/** @throws Problem `invalid_request`: only a service key may act on behalf of another */
function requireNoActor(c: Context<ManagementEnv>): void {
  if (c.req.header(ACTOR) !== undefined)
    throw wrongHeader(ACTOR, 'cannot count here: it is for service keys, and anyone may call this route')
}

/** Logs refusals of signed-in callers (ASVS 16.3.2). Attempts without a valid credential are too many, and say little. */
async function admitOrLog(c: Context<ManagementEnv>, access: Exclude<Access, 'anyone'>, what: Guarded) {
  try {
    await admitPrincipal(c, access, what)
    if (what.credentials && isImpersonated(c.var.principal)) throw new Problem('forbidden_while_impersonating')
    if (what.creates && isIn(GIVING_KEYS, access)) requireConfirmed(c.var.deps.config, c.var.principal)
    if (what.creates && isIn(IDLE_WHILE_SUSPENDED, access)) requireNotSuspended(c.var.principal, c.var.organizationId)
  } catch (error) {
    const { principal, requestId } = c.var
    if (principal && error instanceof Problem) {
      const about = { method: c.req.method, path: c.req.path, allow: access, ...whoIs(principal) }
      log('warn', 'access_refused', {
        request_id: requestId,
        code: error.code,
        ...about,
        ...traceFields(c.req.raw.headers),
      })
    }
    throw error
  }
}

const isImpersonated = (principal: Principal) => principal.kind === 'user' && principal.impersonatorId !== null

const isIn = (permissions: readonly Permission[], access: Access) => (permissions as readonly Access[]).includes(access)

/** Keys and portal sessions of a suspended organization do not work, so only its members get this far. */
function requireNotSuspended(principal: Principal, organizationId: string): void {
  if (principal.kind === 'external' && principal.isSuspended) throw new Problem('organization_suspended')
  if (principal.kind !== 'user') return
  const membership = principal.memberships.find((one) => one.organization_id === organizationId)
  if (membership?.is_suspended) throw new Problem('organization_suspended')
}

function whoIs(principal: Principal) {
  if (principal.kind === 'user') return { user_id: principal.userId, impersonator_id: principal.impersonatorId }
  if (principal.kind === 'portal') return { portal_session: principal.sessionId }
  return principal.kind === 'external' ? { external_user: principal.id } : { key_id: principal.keyId }
}

async function admitPrincipal(
  c: Context<ManagementEnv>,
  access: Exclude<Access, 'anyone'>,
  what: Guarded,
): Promise<void> {
  const principal = await authenticate(c)
  c.set('principal', principal)
  if (access === 'user') admitUser(c, principal)
  else if (access === 'administrator') await admitOperator(c, principal, what)
  else await admitToOrganization(c, principal, access, what)
}

/** @throws Problem `user_only`, `account_required` */
function admitUser(c: Context<ManagementEnv>, principal: Principal): void {
  if (principal.kind !== 'user') throw needsAccount(principal)
  c.set('user', principal)
}

async function admitOperator(c: Context<ManagementEnv>, principal: Principal, what: Guarded): Promise<void> {
  if (principal.kind !== 'user' && principal.kind !== 'service') throw needsAccount(principal)
  if (principal.kind === 'service') requirePlatformScope(principal, what.service)
  else requireAdministrator(c.var.deps.config, principal)
  c.set('operator', principal)
  if (principal.kind === 'user') c.set('user', principal)
  const named = await organizationInAddress(c, what.namesInQuery)
  if (named === undefined) return
  if (principal.kind === 'service') requireCustomer(principal, named)
  c.set('organizationId', named)
}

async function admitToOrganization(
  c: Context<ManagementEnv>,
  principal: Principal,
  permission: Permission,
  { namesInQuery, ownersInBody, forAllMembers }: Guarded,
): Promise<void> {
  if (principal.kind === 'service') requirePlatformScope(principal, platformScopeFor(permission)) // before any look-up
  const isByOwners = principal.kind === 'service' && ownersInBody
  const named = await (isByOwners ? organizationInAddress : namedOrganization)(c, namesInQuery)
  if (isByOwners && named === undefined) {
    c.set('isService', true)
    return
  }
  const organizationId = organizationFor(principal, permission, named)
  await requireStanding(c, principal, { permission, organizationId, forAllMembers })
  c.set('organizationId', organizationId)
  if (principal.kind === 'user') c.set('user', principal)
  if (principal.kind === 'user' || principal.kind === 'service') c.set('manager', principal)
}

interface Standing extends Pick<Guarded, 'forAllMembers'> {
  readonly permission: Permission
  readonly organizationId: string
}

/**
 * Members and keys belong to existing organizations, and members must meet their organization's requirements. The operator can name one that
 * does not exist.
 *
 * @throws Problem `organization_not_found`; `two_factor_required`, `single_sign_on_required` for a member who does not meet
 *   the requirement
 */
async function requireStanding(
  c: Context<ManagementEnv>,
  principal: Principal,
  { permission, organizationId, forAllMembers }: Standing,
): Promise<void> {
  if (!actsAsOperator(principal, permission, organizationId)) {
    if (!forAllMembers) requireMet(principal, organizationId)
    return
  }
  if (principal.kind === 'user') requireAdministrator(c.var.deps.config, principal)
  await requireOrganization(c.var.deps.db, organizationId)
}
