import type { Sql } from '../db/client.ts'

/** An API key, or an organization itself, by its id: whose the usage under it is. */
export interface HolderRow {
  readonly id: string
  readonly organization_id: string
  readonly user_id: string | null
  readonly environment: string
}

/** Deleted and revoked keys' usage may arrive late, so that only existence counts. */
const HOLDERS = `
select id, organization_id, created_by as user_id, environment from api_keys
where id = any($1::uuid[]) and ($2::uuid is null or organization_id = $2)
union all
select id, id, null, '' from organizations where id = any($1::uuid[]) and ($2::uuid is null or id = $2)`

/** @param organizationId the one to look in; null for all, which is for the operator's own services */
export async function selectHolders(sql: Sql, organizationId: string | null, ids: readonly string[]) {
  return (await sql.query(HOLDERS, [ids, organizationId])) as HolderRow[]
}
