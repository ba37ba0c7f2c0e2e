import type { Sql } from '../../src/db/client.ts'

/**
 * One batch of all organizations' grants of applications, ended by the operator: afterwards each person must approve again.
 * Isolates see it within half a minute, when they reload the keys.
 */
const END = `
with batch as (
  select id from api_keys where client_id is not null and (revoked_at is null or revoked_at > now()) limit $1 for update
)
update api_keys k set revoked_at = now(), is_active = false, version = version + 1 from batch where k.id = batch.id returning k.id`

/** Ends all grants of applications, and pending requests for access. @returns how many grants ended */
export async function endAllApplications(sql: Sql, batchRows: number): Promise<number> {
  await sql.transaction([sql`delete from oauth_codes`, sql`delete from oauth_devices`])
  for (let ended = 0; ; ) {
    const { length } = await sql.query(END, [batchRows])
    ended += length
    if (length < batchRows) return ended
  }
}
