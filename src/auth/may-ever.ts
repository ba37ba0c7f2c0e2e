import { holdsScope } from '../verification/rules.ts'
import type { Access } from './guard.ts'
import { requirePermission } from './organization-access.ts'
import type { Principal } from './principal.ts'
import { type PlatformScope, platformScopeFor } from './service-scopes.ts'

/**
 * Whether a principal may call routes of this kind for any organization. Only for listing what is available: at each call the route's
 * guard decides.
 *
 * @param service the scope that lets a service key call the route
 */
export function mayEver(principal: Principal, allow: Access, service: PlatformScope | undefined): boolean {
  if (allow === 'anyone') return true
  if (principal.kind === 'service') return service !== undefined && holdsScope(principal.scopes, service)
  if (principal.kind === 'user') return allow === 'user' || mayAsMember(principal, allow)
  if (allow === 'user' || allow === 'administrator') return false
  try {
    requirePermission(principal, allow, principal.organizationId)
    return true
  } catch {
    return false
  }
}

function mayAsMember(user: Extract<Principal, { kind: 'user' }>, allow: Exclude<Access, 'anyone' | 'user'>): boolean {
  if (allow === 'administrator') return user.isAdministrator
  const isForOperators = user.isAdministrator && platformScopeFor(allow) !== undefined
  return isForOperators || user.memberships.some(({ permissions }) => permissions.includes(allow))
}
