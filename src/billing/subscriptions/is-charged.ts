import { type SQL, sql } from 'drizzle-orm'

/**
 * Whether an organization has a subscription that its provider goes on charging for: one that has neither ended nor is
 * about to. A first payment that is not there yet counts for nothing: nobody here could take it back.
 *
 * @param organizationId as it is called in the query around, such as `o.id`
 */
export const isCharged = (organizationId: SQL) => sql`exists (
  select 1 from subscriptions s where s.organization_id = ${organizationId} and s.ended_at is null
    and not s.cancel_at_period_end and s.status not in ('incomplete', 'canceled'))`
