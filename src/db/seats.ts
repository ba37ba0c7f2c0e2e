import { type SQL, sql } from 'drizzle-orm'

const isBelow = (organizationId: string, taken: SQL) => sql`exists (
  select 1 from organizations o join plans p on p.id = o.plan_id where o.id = ${organizationId}::uuid
    and coalesce(seat_limit(p.seats, o.seats, o.limit_additions) > ${taken}, true))`

const MEMBERS = sql`(select count(*) from memberships m where m.organization_id = o.id)`

/** Whether an organization has a seat for one more member. Evaluated under its lock. */
export const hasSeat = (organizationId: string): SQL => isBelow(organizationId, MEMBERS)

/** Whether it has a seat that no open invitation to another address reserves. */
export const hasSeatFor = (organizationId: string, email: string, now: Date): SQL =>
  isBelow(
    organizationId,
    sql`${MEMBERS} + (select count(*) from invitations i where i.organization_id = o.id and i.email <> ${email}
      and i.accepted_at is null and i.revoked_at is null and i.expires_at > ${now.toISOString()}::timestamptz)`,
  )
