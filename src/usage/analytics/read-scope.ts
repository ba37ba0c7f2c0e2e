import { actsAsOperator } from '../../auth/organization-access.ts'
import type { Principal } from '../../auth/principal.ts'
import type { OrganizationScope } from './scope.ts'

interface Asking {
  readonly principal: Principal
  readonly organizationId: string
}

/** The organization whose usage a request reads, and whether the operator reads it, who sees what providers charge. */
export const readScope = ({ principal, organizationId }: Asking): OrganizationScope => ({
  organizationId,
  seesCosts: actsAsOperator(principal, 'usage:read', organizationId),
})
