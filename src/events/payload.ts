/** SQL fragments for the bodies of events. */
import { type SQL, sql } from 'drizzle-orm'

/** A time in the same format as in all other JSON; null for none. */
export const isoText = (at: SQL) => sql`to_char(${at} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** US dollars in wire form: six to nine decimal places. */
export const usdText = (amount: SQL) => sql`regexp_replace((${amount})::numeric(24, 9)::text, '0{1,3}$', '')`

/** The organization `o` as it appears in every event. */
export const ORGANIZATION = sql`jsonb_build_object('id', o.id, 'external_id', to_jsonb(o) -> 'external_id', 'name', o.name)`

/** The same for one organization, as a value. */
export const selectOrganization = (organizationId: string) =>
  sql`(select ${ORGANIZATION} from organizations o where o.id = ${organizationId}::uuid)`

/** A body in the form of Standard Webhooks. @param data an object, in SQL */
export const buildPayload = (type: string, at: string, data: SQL) =>
  sql`jsonb_build_object('type', ${type}::text, 'timestamp', ${at}::text, 'data', ${data})`

/** Ids for the rows that one statement inserts. They start like a UUIDv7 that was created here, so they sort with others. */
export const newIdLike = (id: string) =>
  sql`encode(substring(uuid_send(${id}::uuid) from 1 for 8) || substring(uuid_send(gen_random_uuid()) from 9), 'hex')::uuid`
