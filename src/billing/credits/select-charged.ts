import { type SQL, sql } from 'drizzle-orm'

/**
 * SQL for an organization's charges over all its usage periods, without what its plan covered when no credits were left. The
 * single definition of what credits pay for.
 */
export const selectCharged = (organizationId: SQL): SQL =>
  sql`(select coalesce(sum(u.charge_usd - u.covered_usd), 0) from usage_periods u where u.organization_id = ${organizationId})`
