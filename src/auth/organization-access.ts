import type { Config } from '../config.ts'
import { missingScope, Problem, type ProblemCode } from '../problems.ts'
import { holdsScope } from '../verification/rules.ts'
import type {
  ExternalPrincipal,
  KeyPrincipal,
  Manager,
  Membership,
  Operator,
  PortalPrincipal,
  Principal,
  ServicePrincipal,
  UserPrincipal,
} from './principal.ts'
import { isForKeys, type Permission, ROLES, type Role, scopeFor } from './roles.ts'
import { type PlatformScope, platformScopeFor } from './service-scopes.ts'

/**
 * The organization in which a principal acts: the one that a request names, else the principal's own.
 *
 * A member needs a role with the permission, and an organization's key or a portal session needs its scope. A user of another issuer has the
 * same possibilities as an organization's key, limited by their role. An administrator and a service key act for any organization that
 * they name.
 *
 * @throws Problem `organization_not_found` for an organization that the principal does not belong to, as for one that
 *   does not exist; `forbidden` when it belongs, but lacks the permission; `user_only` for a key and `account_required` for a user of
 *   another issuer if they can never have it; `organization_unnamed` for a service key that names none
 */
export function organizationFor(principal: Principal, permission: Permission, named: string | undefined): string {
  if (principal.kind === 'service') return organizationForService(principal, permission, named)
  if (principal.kind === 'user' && named !== undefined && actsAsOperator(principal, permission, named)) return named
  const organizationId = named?.toLowerCase() ?? principal.organizationId
  if (!organizationId) throw new Problem('organization_not_found')
  requirePermission(principal, permission, organizationId)
  return organizationId
}

/** @throws Problem as {@link organizationFor} */
export function requirePermission(
  principal: Exclude<Principal, ServicePrincipal>,
  permission: Permission,
  organizationId: string,
): void {
  if (principal.kind === 'key') requireKeyPermission(principal, permission, organizationId)
  else if (principal.kind === 'portal') requirePortalScope(principal, permission, organizationId)
  else if (principal.kind === 'external') requireExternal(principal, permission, organizationId)
  else requireMember(principal, permission, organizationId)
}

function organizationForService(service: ServicePrincipal, permission: Permission, named: string | undefined): string {
  requirePlatformScope(service, platformScopeFor(permission))
  if (named === undefined) throw new Problem('organization_unnamed')
  requireCustomer(service, named)
  return named
}

/** The keys of the platform organization are service keys, and no service key may manage them. @throws Problem `forbidden` */
export function requireCustomer(service: ServicePrincipal, organizationId: string): void {
  if (organizationId === service.organizationId)
    throw new Problem('forbidden', { detail: 'A service key acts for customers, not for the platform organization.' })
}

/**
 * Whether a principal acts as the operator: a back end, or an administrator of the deployment whose role in the
 * organization does not allow the action.
 */
export function actsAsOperator(principal: Principal, permission: Permission, organizationId: string): boolean {
  if (principal.kind === 'service') return true
  if (principal.kind !== 'user' || !principal.isAdministrator || !platformScopeFor(permission)) return false
  const membership = principal.memberships.find((one) => one.organization_id === organizationId)
  return !membership?.permissions.includes(permission)
}

/**
 * @param scope `undefined` if no service key may do it
 * @throws Problem `user_only`, `forbidden` naming the missing scope
 */
export function requirePlatformScope({ scopes }: ServicePrincipal, scope: PlatformScope | undefined): void {
  if (!scope) throw new Problem('user_only')
  if (!holdsScope(scopes, scope)) throw missingScope(scope)
}

/** Whether a response to an operator may contain data that a scope protects. Administrators see everything. */
export const mayRead = (operator: Operator, scope: PlatformScope): boolean =>
  operator.kind !== 'service' || holdsScope(operator.scopes, scope)

/**
 * Administrators must also meet the platform organization's requirements for its members.
 *
 * @throws Problem `not_found`, not `forbidden`: do not reveal that the admin API exists; `two_factor_required`,
 *   `single_sign_on_required`
 */
export function requireAdministrator(config: Config, user: UserPrincipal): void {
  if (!user.isAdministrator) throw new Problem('not_found')
  if (config.ADMIN_REQUIRES_TWO_FACTOR && !user.hasTwoFactor) throw new Problem('two_factor_required')
  const platform = user.memberships.find((one) => one.is_platform)
  if (platform) requireMet(user, platform.organization_id)
}

function requireKeyPermission(key: KeyPrincipal, permission: Permission, organizationId: string): void {
  if (organizationId !== key.organizationId) throw new Problem('organization_not_found')
  if (!isForKeys(permission)) throw new Problem('user_only')
  const scope = scopeFor(permission)
  if (scope && !holdsScope(key.scopes, scope)) throw missingScope(scope)
}

function requirePortalScope(portal: PortalPrincipal, permission: Permission, organizationId: string): void {
  if (organizationId !== portal.organizationId) throw new Problem('organization_not_found')
  if (!isForKeys(permission)) throw new Problem('user_only')
  if (!portal.scopes.includes(permission))
    throw new Problem('forbidden', { detail: `The portal session lacks the scope ${permission}.` })
}

function requireMember({ memberships }: UserPrincipal, permission: Permission, organizationId: string): void {
  const membership = memberships.find((one) => one.organization_id === organizationId)
  if (!membership) throw new Problem('organization_not_found')
  requireHeld(membership, permission)
}

/** The requirements that an organization can have for its members. */
export type Requirement = 'two_factor' | 'single_sign_on'

const REFUSALS = {
  two_factor: 'two_factor_required',
  single_sign_on: 'single_sign_on_required',
} as const satisfies Record<Requirement, ProblemCode>

type Member = Pick<UserPrincipal, 'memberships' | 'hasTwoFactor' | 'ssoConnectionId' | 'impersonatorId'>

/**
 * The requirement of an organization that a member does not meet. None for a user who is not a member. Owners need no single
 * sign-on, so that a broken identity provider cannot lock everybody out permanently.
 */
export function findUnmet(member: Member, organizationId: string | null): Requirement | undefined {
  const membership = member.memberships.find((one) => one.organization_id === organizationId)
  if (!membership) return undefined
  if (lacksSignOn(member, membership)) return 'single_sign_on'
  return membership.requires_two_factor && !member.hasTwoFactor ? 'two_factor' : undefined
}

const lacksSignOn = ({ ssoConnectionId, impersonatorId }: Member, { required_sso: required, role }: Membership) =>
  required !== null && required !== ssoConnectionId && role !== 'owner' && impersonatorId === null

/** @throws Problem `two_factor_required`, `single_sign_on_required` for a member who does not meet the organization's requirements */
export function requireMet(principal: Principal, organizationId: string): void {
  const unmet = principal.kind === 'user' ? findUnmet(principal, organizationId) : undefined
  if (unmet) throw new Problem(REFUSALS[unmet])
}

/** @throws Problem `email_unconfirmed` for a person with an unconfirmed address, if keys require a confirmed one */
export function requireConfirmed({ EMAIL_VERIFICATION }: Config, principal: Principal): void {
  if (EMAIL_VERIFICATION === 'keys' && principal.kind === 'user' && !principal.isConfirmed)
    throw new Problem('email_unconfirmed')
}

function requireExternal(user: ExternalPrincipal, permission: Permission, organizationId: string): void {
  if (organizationId !== user.organizationId) throw new Problem('organization_not_found')
  if (!isForKeys(permission)) throw needsAccount(user)
  requireHeld({ role: user.role, permissions: ROLES[user.role] }, permission)
}

interface Held {
  readonly role: Role
  readonly permissions: readonly Permission[]
}

function requireHeld({ role, permissions }: Held, permission: Permission): void {
  if (!permissions.includes(permission))
    throw new Problem('forbidden', { detail: `The role ${role} lacks ${permission}.` })
}

/**
 * Nobody can give others permissions they do not have themselves, nor take them away.
 *
 * @throws Problem `forbidden` naming the missing permissions
 */
export function requireHoldsAll(manager: Manager, organizationId: string, permissions: readonly Permission[]): void {
  if (manager.kind === 'service' || actsAsOperator(manager, 'members:write', organizationId)) return
  for (const permission of permissions) requireMember(manager, permission, organizationId)
}

/** Why a principal that is not a user of this deployment is refused if only users are allowed. */
export const needsAccount = ({ kind }: Exclude<Principal, UserPrincipal>) =>
  new Problem(kind === 'external' ? 'account_required' : 'user_only')
