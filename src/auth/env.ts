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
    /** Set by the guard `user`, and by others where no key gets in. */
    user: UserPrincipal
    /** Set by guards of permissions that no customer's key has, where service keys get in. */
    manager: Manager
    /** Set by the guard `administrator`: an administrator, or a service key where the route takes those. */
    operator: Operator
    /**
     * Set by a guard that asks for a permission: the organization in which the principal has it. Set by `administrator`
     * where the path or the query names one, which may be of no organization.
     */
    organizationId: string
    /** Set in its place for a service key where the body names the owners of what it holds. */
    isService: boolean | undefined
  }
}
