/** Whose key it is, where the operator looks at it; without it the organization of the session. */
export interface OfCustomer {
  readonly customer?: string | undefined
}

/** The query that names the organization. */
export const named = ({ customer }: OfCustomer): { organization_id?: string } =>
  customer ? { organization_id: customer } : {}
