import { actsAsOperator } from '../../auth/organization-access.ts'
import type { Principal } from '../../auth/principal.ts'
import type { OrganizationScope } from './scope.ts'

interface Asking {
  readonly principal: Principal
  readonly organizationId: string
}

/** Whose usage a request asks for, and whether as the operator, who sees what providers take. */
export const readScope = ({ principal, organizationId }: Asking): OrganizationScope => ({
  organizationId,
  seesCosts: actsAsOperator(principal, 'usage:read', organizationId),
})
