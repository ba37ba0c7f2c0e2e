/** SQL that events are made of. */
import { type SQL, sql } from 'drizzle-orm'

/** A time as JSON has it everywhere else; null for none. */
export const isoText = (at: SQL) => sql`to_char(${at} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`

/** An organization `o` as every event names it. */
export const ORGANIZATION = sql`jsonb_build_object('id', o.id, 'external_id', to_jsonb(o) -> 'external_id', 'name', o.name)`

/** The same of one organization, as a value. */
export const selectOrganization = (organizationId: string) =>
  sql`(select ${ORGANIZATION} from organizations o where o.id = ${organizationId}::uuid)`

/** A body as Standard Webhooks has it. @param data an object, in SQL */
export const buildPayload = (type: string, at: string, data: SQL) =>
  sql`jsonb_build_object('type', ${type}::text, 'timestamp', ${at}::text, 'data', ${data})`

/** Ids of rows that one statement makes: they begin as a UUIDv7 that was made here, so that they sort with others. */
export const newIdLike = (id: string) =>
  sql`encode(substring(uuid_send(${id}::uuid) from 1 for 8) || substring(uuid_send(gen_random_uuid()) from 9), 'hex')::uuid`
