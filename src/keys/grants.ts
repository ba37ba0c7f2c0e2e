/** What whoever issues, changes, rotates or imports a key may give to it. */
import { organizationFor } from '../http/access.ts'
import type { ManagementDeps } from '../http/management-env.ts'
import type { Principal } from '../http/principal.ts'
import { permissionOf } from '../organizations/roles.ts'
import { Problem } from '../problems.ts'
import { selectKeyAllowance } from './queries.ts'
import { isReserved } from './rules.ts'

/** What an organization allows its keys. */
export interface Allowance {
  readonly organizationId: string
  readonly isPlatform: boolean
  /** The organization's own, in units a minute. */
  readonly rateLimit: number
  readonly maxKeys: number
}

/** What is to be given to a key. */
interface Wish {
  readonly scopes?: readonly string[] | undefined
  readonly custom_rate_limit?: number | null | undefined
  readonly expires_at?: string | null | undefined
}

/** @throws Problem `organization_not_found` */
export async function allowanceOf(deps: ManagementDeps, organizationId: string): Promise<Allowance> {
  const row = await selectKeyAllowance(deps.db, organizationId)
  if (!row) throw new Problem('organization_not_found')
  return { organizationId, isPlatform: row.is_platform, rateLimit: row.rate_limit, maxKeys: row.max_api_keys }
}

export const isAdministrator = (principal: Principal) => principal.kind === 'user' && principal.isAdministrator

/**
 * Nobody grants what they do not have: scopes over Tollgate need the permission they stand for, `platform:` scopes an
 * administrator and the platform organization; a rate limit above the organization's own needs an administrator. An
 * expiry lies ahead.
 *
 * @param where the place of the wish in the request
 * @throws Problem `forbidden`, `rate_limit_above_plan`, `invalid_request`
 */
export function refuseUngrantable(
  wish: Wish,
  { principal, allowance, now }: { principal: Principal; allowance: Allowance; now: number },
  where = 'body',
): void {
  if (wish.expires_at && Date.parse(wish.expires_at) <= now) {
    throw new Problem('invalid_request', {
      errors: [{ path: `${where}.expires_at`, message: 'must lie in the future' }],
    })
  }
  refuseUnheldScopes(principal, allowance, wish.scopes ?? [])
  if ((wish.custom_rate_limit ?? 0) > allowance.rateLimit && !isAdministrator(principal))
    throw new Problem('rate_limit_above_plan')
}

/** Also asked of whoever rotates a key: its successor's secret gives all that the key may do. @throws Problem `forbidden` */
export function refuseUnheldScopes(principal: Principal, allowance: Allowance, scopes: readonly string[]): void {
  for (const scope of scopes.filter(isReserved)) {
    const permission = permissionOf(scope)
    if (permission) organizationFor(principal, permission, allowance.organizationId)
    else if (!allowance.isPlatform || !isAdministrator(principal))
      throw new Problem('forbidden', { detail: `You cannot grant the scope ${scope}.` })
  }
}
