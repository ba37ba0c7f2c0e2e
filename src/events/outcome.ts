import { type SQL, sql } from 'drizzle-orm'
import { selectEndpointLocked } from '../db/locks.ts'
import { ormOver } from '../db/orm.ts'
import type { Deps } from '../deps.ts'
import { lazily } from '../lib/lazily.ts'
import { log } from '../lib/log.ts'
import { type Contact, selectContacts } from '../mail/contacts.ts'
import { insertMails } from '../mail/outbox.ts'
import type { ClaimedDelivery } from './claim.ts'
import { STATE_EVENT } from './event-types.ts'
import { backOffSeconds, MAX_FAILED_EVENTS } from './retries.ts'
import type { Outcome } from './send.ts'
import { SLOW_MS } from './slow-ms.ts'

const loadAlerts = lazily(() => import('../mail/templates/alerts.ts'))
const loadRender = lazily(() => import('../mail/templates/render.tsx'))

/**
 * Frees the endpoint's lane after an attempt, unless another attempt has it by now, and pauses it if the endpoint asked
 * for that.
 */
function freedLane({ at }: ClaimedDelivery, notBefore: string | null): SQL {
  return sql`busy_until = case when tried_at = ${at}::timestamptz then null else busy_until end,
    paused_until = greatest(paused_until, ${notBefore}::timestamptz)`
}

/** When an endpoint that asked for a pause may be called again. */
function computeNotBefore(now: number, { retryAfterSeconds: seconds }: Outcome): string | null {
  return seconds === undefined ? null : new Date(now + seconds * 1000).toISOString()
}

/** A delivery also resets its endpoint's count of failures. */
export async function noteDelivered(deps: Deps, claimed: ClaimedDelivery, outcome: Outcome): Promise<void> {
  const at = new Date(deps.now()).toISOString()
  await ormOver(deps.sql).execute(sql`
    with locked as (${selectEndpointLocked(claimed.endpointId)}), done as (
      update webhook_deliveries set state = 'delivered', next_attempt_at = null, delivered_at = ${at}::timestamptz,
        last_status_code = ${outcome.statusCode}::int, last_error = null, response_time_ms = ${outcome.responseTimeMs}::int
      where id = ${claimed.id}::uuid and endpoint_id = (select id from locked)
    )
    update webhook_endpoints set failed_events = 0, ${freedLane(claimed, null)} where id = (select id from locked)`)
}

/**
 * Schedules a retry after its backoff, or at the later time that the endpoint asks for; until then nothing else is sent
 * to it either. An attempt that was overtaken by another one changes nothing.
 */
export async function noteFailed(deps: Deps, claimed: ClaimedDelivery, outcome: Outcome): Promise<void> {
  const now = deps.now()
  const notBefore = computeNotBefore(now, outcome)
  const again = new Date(now + backOffSeconds(claimed.attempts) * 1000).toISOString()
  await ormOver(deps.sql).execute(sql`
    with locked as (${selectEndpointLocked(claimed.endpointId)}), waiting as (
      update webhook_deliveries set next_attempt_at = ${notBefore}::timestamptz
      where endpoint_id = (select id from locked) and id <> ${claimed.id}::uuid
        and next_attempt_at < ${notBefore}::timestamptz
    ), freed as (
      update webhook_endpoints set ${freedLane(claimed, notBefore)} where id = (select id from locked)
    )
    update webhook_deliveries set last_status_code = ${outcome.statusCode}::int, last_error = ${outcome.error},
      response_time_ms = ${outcome.responseTimeMs}::int,
      next_attempt_at = greatest(${again}::timestamptz, ${notBefore}::timestamptz)
    where id = ${claimed.id}::uuid and attempts = ${claimed.attempts}::int and state = 'pending'
      and endpoint_id = (select id from locked)`)
}

/**
 * Puts back a delivery that was aborted, due at once, and frees its lane. The elapsed time marks the endpoint as
 * slow, even if the clock of a timer ran ahead. The attempt does not count, except for a state: a newer state may
 * wait for its first attempt, and only one may.
 */
export async function notePutBack(deps: Deps, claimed: ClaimedDelivery, outcome: Outcome): Promise<void> {
  const now = new Date(deps.now()).toISOString()
  await ormOver(deps.sql).execute(sql`
    with locked as (${selectEndpointLocked(claimed.endpointId)}), freed as (
      update webhook_endpoints set ${freedLane(claimed, null)} where id = (select id from locked)
    )
    update webhook_deliveries set response_time_ms = ${Math.max(SLOW_MS, outcome.responseTimeMs)}::int,
      next_attempt_at = case when last_error is null then least(created_at, ${now}::timestamptz) else ${now}::timestamptz end,
      attempts = attempts - case when type = ${STATE_EVENT} then 0 else 1 end
    where id = ${claimed.id}::uuid and attempts = ${claimed.attempts}::int and state = 'pending'
      and endpoint_id = (select id from locked)`)
}

interface Verdict {
  /** Whether the endpoint responded that it wants no more events. */
  readonly isGone: boolean
  /** Whether the failure counts against the endpoint. */
  readonly isCounted: boolean
}

/**
 * Ends a delivery that will not be retried. If the endpoint has failed too often or is gone, it is disabled, its
 * waiting deliveries are given up, and the organization's owners and admins are notified: all in one statement.
 */
export async function giveUp(deps: Deps, claimed: ClaimedDelivery, outcome: Outcome, verdict: Verdict): Promise<void> {
  const reason = verdict.isGone
    ? 'It answered 410: it wants no more events.'
    : `${MAX_FAILED_EVENTS} events in a row could not be delivered to it.`
  const mails = await mailsAbout(deps, claimed, reason)
  const isOff = sql`exists (select from counted where not is_active)`
  const now = deps.now()
  const lane = freedLane(claimed, computeNotBefore(now, outcome))
  const most = verdict.isGone ? 0 : MAX_FAILED_EVENTS
  const { rows } = await ormOver(deps.sql).execute<{ is_off: boolean }>(sql`
    with locked as (${selectEndpointLocked(claimed.endpointId)}), failed as (
      update webhook_deliveries set state = 'failed', next_attempt_at = null, last_status_code = ${outcome.statusCode}::int,
        last_error = ${outcome.error}, response_time_ms = ${outcome.responseTimeMs}::int
      where id = ${claimed.id}::uuid and attempts = ${claimed.attempts}::int and state = 'pending'
        and endpoint_id = (select id from locked)
      returning endpoint_id
    ), counted as (
      update webhook_endpoints set failed_events = failed_events + 1, is_active = failed_events + 1 < ${most}::int,
        disabled_reason = case when failed_events + 1 < ${most}::int then disabled_reason else ${reason} end,
        ${lane}
      where id = (select endpoint_id from failed) and is_active
        and (${verdict.isCounted}::boolean or ${verdict.isGone}::boolean)
      returning id, is_active
    ), freed as (
      update webhook_endpoints set ${lane} where id = (select id from locked) and not exists (select from counted)
    ), dropped as (
      update webhook_deliveries set state = 'failed', next_attempt_at = null, last_error = 'The endpoint was disabled.'
      where endpoint_id = (select id from counted where not is_active) and next_attempt_at is not null
        and id <> ${claimed.id}::uuid
    ), mailed as (${insertMails(now, mails, isOff)})
    select ${isOff} as is_off`)
  if (rows[0]?.is_off) log('warn', 'webhook_endpoint_disabled', { endpoint_id: claimed.endpointId, reason })
}

/** Templates are imported when an endpoint is disabled: scripts that only write events run without them. */
async function mailsAbout(deps: Deps, { organizationId, endpointId }: ClaimedDelivery, reason: string) {
  const { endpointDisabled } = await loadAlerts()
  const { render } = await loadRender()
  const { rows } = await ormOver(deps.sql).execute<{ name: string; responsible: Contact[] }>(
    sql`select o.name, ${selectContacts(sql`o.id`)} as responsible from organizations o where o.id = ${organizationId}::uuid`,
  )
  const service = deps.config.SERVICE_NAME
  return rows.flatMap(({ name: organization, responsible }) =>
    responsible.map(({ email, name }) =>
      render(service, email, endpointDisabled({ service, name, organization, endpointId, reason })),
    ),
  )
}
