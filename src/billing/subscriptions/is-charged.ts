import { type SQL, sql } from 'drizzle-orm'

/**
 * Whether an organization has a subscription that its provider still charges: one that has neither ended nor is about
 * to. A subscription whose first payment is open does not count, because nobody here could cancel it.
 *
 * @param organizationId as an expression of the surrounding query, such as `o.id`
 */
export const isCharged = (organizationId: SQL) => sql`exists (
  select 1 from subscriptions s where s.organization_id = ${organizationId} and s.ended_at is null
    and not s.cancel_at_period_end and s.status not in ('incomplete', 'canceled'))`
