import { type SQL, sql } from 'drizzle-orm'

/** What an organization was charged in all its usage periods, as SQL. The one place that says what credits pay for. */
export const selectCharged = (organizationId: SQL): SQL =>
  sql`(select coalesce(sum(u.charge_usd), 0) from usage_periods u where u.organization_id = ${organizationId})`
