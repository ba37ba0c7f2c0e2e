import { type SQL, sql } from 'drizzle-orm'

/** Whether an organization has verified the domain of an address. */
export const isAddressOf = (organizationId: string, email: SQL): SQL => sql`exists (
  select 1 from organization_domains d where d.organization_id = ${organizationId}::uuid
    and d.domain = split_part(${email}, '@', 2) and d.verified_at is not null)`
