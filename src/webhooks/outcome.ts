import { sql } from 'drizzle-orm'
import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { log } from '../lib/log.ts'
import { insertMails } from '../mail/outbox.ts'
import { endpointDisabled } from '../mail/templates/alerts.ts'
import { render } from '../mail/templates/render.tsx'
import { type Responsible, responsibleFor } from '../organizations/responsible.ts'
import type { Claimed } from './claim.ts'
import { FAILED_EVENTS_AT_MOST } from './retries.ts'
import type { Outcome } from './send.ts'

/**
 * A delivery that arrived also ends its endpoint's row of failures. Here as everywhere the endpoint is locked before its
 * deliveries: in opposite orders they would wait for each other.
 */
const DELIVERED = `
with locked as (
  select id from webhook_endpoints where id = (select endpoint_id from webhook_deliveries where id = $1) for update
), done as (
  update webhook_deliveries set state = 'delivered', next_attempt_at = null, delivered_at = $2, last_status_code = $3,
    last_error = null, response_time_ms = $4
  where id = $1 and endpoint_id = (select id from locked) returning endpoint_id)
update webhook_endpoints set failed_events = 0 where id = (select endpoint_id from done) and failed_events > 0`

export async function noteDelivered(deps: Deps, { id }: Claimed, outcome: Outcome): Promise<void> {
  const at = new Date(deps.now()).toISOString()
  await deps.sql.query(DELIVERED, [id, at, outcome.statusCode, outcome.responseTimeMs])
}

/**
 * It stays due at the time that was set when it was claimed, or at the later one that the endpoint asks for, before which
 * nothing else that waits for it is sent either. An attempt that another one overtook says nothing.
 */
const FAILED = `
with locked as (
  select id from webhook_endpoints where id = (select endpoint_id from webhook_deliveries where id = $1) for update
), waiting as (
  update webhook_deliveries set next_attempt_at = $6::timestamptz
  where endpoint_id = (select id from locked) and id <> $1 and next_attempt_at < $6::timestamptz
)
update webhook_deliveries set last_status_code = $3, last_error = $4, response_time_ms = $5,
  next_attempt_at = greatest(next_attempt_at, $6::timestamptz)
where id = $1 and attempts = $2 and state = 'pending' and endpoint_id = (select id from locked)`

export async function noteFailed(deps: Deps, { id, attempts }: Claimed, outcome: Outcome): Promise<void> {
  const { statusCode, error, responseTimeMs, retryAfterSeconds: seconds } = outcome
  const notBefore = seconds === undefined ? null : new Date(deps.now() + seconds * 1000).toISOString()
  await deps.sql.query(FAILED, [id, attempts, statusCode, error, responseTimeMs, notBefore])
}

interface Verdict {
  /** Whether the endpoint said that it wants nothing more. */
  readonly isGone: boolean
  /** Whether the failure counts against the endpoint. */
  readonly isCounted: boolean
}

/**
 * Ends a delivery that will not be tried again. When that was one too many, or the endpoint is gone, the endpoint is
 * switched off, what still waited for it is given up, and those who run the organization are told: all in one statement.
 */
export async function giveUp(deps: Deps, claimed: Claimed, outcome: Outcome, verdict: Verdict): Promise<void> {
  const reason = verdict.isGone
    ? 'It answered 410: it wants no more events.'
    : `${FAILED_EVENTS_AT_MOST} events in a row could not be delivered to it.`
  const mails = await mailsAbout(deps, claimed, reason)
  const isOff = sql`exists (select from counted where not is_active)`
  const most = verdict.isGone ? 0 : FAILED_EVENTS_AT_MOST
  const { rows } = await ormOver(deps.sql).execute<{ is_off: boolean }>(sql`
    with locked as (
      select id from webhook_endpoints where id = ${claimed.endpointId}::uuid for update
    ), failed as (
      update webhook_deliveries set state = 'failed', next_attempt_at = null, last_status_code = ${outcome.statusCode}::int,
        last_error = ${outcome.error}, response_time_ms = ${outcome.responseTimeMs}::int
      where id = ${claimed.id}::uuid and attempts = ${claimed.attempts}::int and state = 'pending'
        and endpoint_id = (select id from locked)
      returning endpoint_id
    ), counted as (
      update webhook_endpoints set failed_events = failed_events + 1, is_active = failed_events + 1 < ${most}::int,
        disabled_reason = case when failed_events + 1 < ${most}::int then disabled_reason else ${reason} end
      where id = (select endpoint_id from failed) and is_active
        and (${verdict.isCounted}::boolean or ${verdict.isGone}::boolean)
      returning id, is_active
    ), dropped as (
      update webhook_deliveries set state = 'failed', next_attempt_at = null, last_error = 'The endpoint was switched off.'
      where endpoint_id = (select id from counted where not is_active) and next_attempt_at is not null
        and id <> ${claimed.id}::uuid
    ), mailed as (${insertMails(deps.now(), mails, isOff)})
    select ${isOff} as is_off`)
  if (rows[0]?.is_off) log('warn', 'webhook_endpoint_disabled', { endpoint_id: claimed.endpointId, reason })
}

async function mailsAbout(deps: Deps, { organizationId, endpointId }: Claimed, reason: string) {
  const { rows } = await ormOver(deps.sql).execute<{ name: string; responsible: Responsible[] }>(
    sql`select o.name, ${responsibleFor(sql`o.id`)} as responsible from organizations o where o.id = ${organizationId}::uuid`,
  )
  const service = deps.config.SERVICE_NAME
  return rows.flatMap(({ name: organization, responsible }) =>
    responsible.map(({ email, name }) =>
      render(service, email, endpointDisabled({ service, name, organization, endpointId, reason })),
    ),
  )
}
