import type { Deps, ManagementDeps } from '../deps.ts'
import type { Principal, UserPrincipal } from './principal.ts'

/** The management app gets what the edge already made as its bindings, so that nothing is made twice. */
export interface ManagementEnv {
  Bindings: { readonly deps: Deps; readonly requestId: string }
  Variables: {
    deps: ManagementDeps
    requestId: string
    /** Set by every guard but `anyone`. */
    principal: Principal
    /** Set by the guards `user` and `administrator`, and by those of permissions that no key has. */
    user: UserPrincipal
    /** Set by a guard that asks for a permission: the organization in which the principal has it. */
    organizationId: string
    /** Set in its place for a service key where a route takes those: it acts for any organization. */
    isService: boolean | undefined
  }
}
