import type { Deps, ManagementDeps } from '../deps.ts'
import type { Assets } from '../http/env.ts'
import type { Manager, Operator, Principal, UserPrincipal } from './principal.ts'

/**
 * The management app receives the objects that the edge already built as its bindings, so that nothing is built twice.
 */
export interface ManagementEnv {
  Bindings: {
    readonly deps: Deps
    readonly requestId: string
    /** Undefined in a deployment without the dashboard. */
    readonly assets: Assets | undefined
  }
  Variables: {
    deps: ManagementDeps
    requestId: string
    /** Set by every guard except `anyone`. */
    principal: Principal
    /** Set by the guard `user`, and by other guards that keys cannot pass. */
    user: UserPrincipal
    /** Set by guards of permissions that no customer's key can have but service keys can. */
    manager: Manager
    /** Set by the guard `administrator`: an administrator, or a service key if the route accepts them. */
    operator: Operator
    /**
     * Set by a guard that requires a permission: the organization in which the principal has it. The guard `administrator`
     * sets it to the id that the path or the query names; there may be no such organization.
     */
    organizationId: string
    /** Set instead of it for a service key if the body names an owner for each of its items. */
    isService: boolean | undefined
  }
}
