import type { Database } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import type { Repeats } from './idempotency.ts'
import type { Principal, UserPrincipal } from './principal.ts'

/** Where a request comes from, for limits, sessions and the audit log. */
interface Origin {
  readonly requestId: string
  /** As the platform tells it; undefined only where there is no edge in front. */
  readonly ip: string | undefined
  /** Cut to 500 characters. */
  readonly userAgent: string | undefined
}

/** Deps of the management API: everything outside key verification may also use drizzle. */
export interface ManagementDeps extends Deps {
  readonly db: Database
  readonly origin: Origin
  /** Set where the request has an `Idempotency-Key`. */
  readonly repeats?: Repeats
}

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
