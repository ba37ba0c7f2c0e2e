import { sql } from 'drizzle-orm'
import type { Sql } from '../../db/client.ts'
import type { Database } from '../../db/orm.ts'
import { CORRECTION_HASH, GENERATIONS } from '../../metering/claim-ids.ts'
import {
  CORRECT_EVENT,
  type CorrectionInput,
  type CountedChange,
  FIND_CHANGES,
} from '../../metering/correct-statement.ts'
import { type EventRow, selectColumns } from '../analytics/events.ts'

/** What an event counted when it was reported. */
export interface OriginalEvent extends Reported {
  readonly key_id: string | null
  readonly environment: string
  /** Empty for an erased subject. */
  readonly subject: string | null
}

/** The part of it that a correction keeps unless it says otherwise. */
export interface Reported {
  readonly endpoint: string
  readonly provider: string
  readonly model: string
  readonly route: string
  readonly error_code: string | null
  readonly status_code: number
  readonly requests: number
  readonly response_time_ms: number | null
  readonly api_calls: number
  readonly queries: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cached_tokens: number
  readonly cache_write_tokens: number
  readonly audio_input_tokens: number
  readonly audio_output_tokens: number
  readonly cost_usd: string | null
  readonly charge_usd: string | null
  readonly quantities: Readonly<Record<string, number>> | null
}

const ORIGINAL = `jsonb_build_object('key_id', key_id, 'environment', environment, 'subject', subject, 'endpoint', endpoint, 'provider', provider, 'model', model, 'route', route, 'error_code', error_code,
  'status_code', status_code, 'requests', requests, 'response_time_ms', response_time_ms, 'api_calls', api_calls, 'queries', queries,
  'input_tokens', input_tokens, 'output_tokens', output_tokens, 'cached_tokens', cached_tokens, 'cache_write_tokens', cache_write_tokens,
  'audio_input_tokens', audio_input_tokens, 'audio_output_tokens', audio_output_tokens, 'cost_usd', cost_usd::text,
  'charge_usd', charge_usd::text, 'quantities', quantities)`
const MOMENT = `to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** Prefers a report to a verification with the same id. Newer reports stored their time with the id's claim. */
const FIND = `
select id, ${MOMENT} as occurred_at, ${ORIGINAL} || coalesce(correction -> 'original', '{}') as original,
  coalesce(trace ->> 'plan', '') <> '' as is_verification, correction #>> '{counts,0,claim}' as latest_claim
from usage_events where organization_id = $1 and id = $2
  and ($3::timestamptz is null or occurred_at = $3) order by 4, occurred_at desc limit 1`

const MOMENT_OF_REPORT = `select occurred_at::text as at from usage_dedupe
where organization_id = $1 and key = sha256(convert_to('usage ' || $2, 'UTF8')) order by generation limit 1`

export async function findEvent(sql: Sql, organizationId: string, id: string) {
  const [known] = await sql.query(MOMENT_OF_REPORT, [organizationId, id])
  const [row] = await sql.query(FIND, [organizationId, id, known?.at ?? null])
  return (
    row && {
      id,
      occurredAt: String(row.occurred_at),
      original: row.original as OriginalEvent,
      isVerification: row.is_verification as boolean,
      /** The claim of its latest correction, if it has one. */
      latestClaim: (row.latest_claim ?? undefined) as string | undefined,
    }
  )
}

/** Violates the primary key if the same correction is made at the same moment. */
export const claimCorrection = (db: Database, organizationId: string, key: string) =>
  db.execute(sql`insert into usage_dedupe (organization_id, key, payload_hash, generation)
    select ${organizationId}::uuid, sha256(convert_to(${key}, 'UTF8')), ${sql.raw(CORRECTION_HASH)}, generation from (${sql.raw(GENERATIONS)}) as current`)

/** Runs in the batch that locks the event. */
export function correctEvent(db: Database, input: CorrectionInput) {
  const [before, after] = CORRECT_EVENT
  return db.execute(sql`${sql.raw(before)}${JSON.stringify(input)}${sql.raw(after)}`)
}

/** What the corrections of the last 55 minutes changed, oldest first. */
export async function findChanges(
  sql: Sql,
  organizationId: string,
  { id, occurredAt }: { readonly id: string; readonly occurredAt: string },
) {
  const rows = await sql.query(FIND_CHANGES, [organizationId, occurredAt, id])
  return rows.map((row) => row.change as CountedChange)
}

/** Whether the organization has or had this key. */
export async function isKeyOf(sql: Sql, organizationId: string, keyId: string): Promise<boolean> {
  const rows = await sql.query('select from api_keys where organization_id = $1 and id = $2', [organizationId, keyId])
  return rows.length > 0
}

/** The event as the operator sees it. */
export async function readEvent(
  sql: Sql,
  organizationId: string,
  { id, occurredAt }: { id: string; occurredAt: string },
) {
  const [row] = await sql.query(
    `select ${selectColumns(true)} from usage_events where organization_id = $1 and id = $2 and occurred_at = $3`,
    [organizationId, id, occurredAt],
  )
  return row as EventRow
}
