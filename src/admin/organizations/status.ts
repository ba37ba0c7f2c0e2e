import { type SQL, sql } from 'drizzle-orm'

export const STATUSES = ['active', 'suspended', 'past_due'] as const
export type OrganizationStatus = (typeof STATUSES)[number]

/** The subscription is not over, but its payments fail: before the provider gives up (`past_due`), or after (`unpaid`). */
const isPastDue = sql`exists (select 1 from subscriptions s
  where s.organization_id = organizations.id and s.status in ('past_due', 'unpaid') and s.ended_at is null)`

/** An organization's status: a suspension outweighs a failed payment. */
export const selectStatus: SQL<OrganizationStatus> = sql`case
  when organizations.suspended_at is not null then 'suspended' when ${isPastDue} then 'past_due' else 'active' end`
