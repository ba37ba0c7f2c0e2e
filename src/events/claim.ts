import { hexToBytes } from '@noble/hashes/utils.js'
import type { Deps } from '../deps.ts'
import { STATE_EVENT } from './event-types.ts'
import { SLOW_MS } from './slow-ms.ts'

/**
 * How long a claim lasts: longer than an attempt and the recording of its outcome. If a run died, its delivery and the
 * endpoint's lane are free again after this time.
 */
const LEASE_SECONDS = 30

/** No attempt is in progress in the lane, and the endpoint did not ask for a pause. Checked again under the lock. */
const IS_FREE = '(e.busy_until is null or e.busy_until <= $1) and (e.paused_until is null or e.paused_until <= $1)'

/**
 * Claims due deliveries, fairly: only the oldest of each endpoint, if its lane is free, and one endpoint of each
 * organization before the second of any. States come after an endpoint's other events: a change of a plan creates
 * thousands of them, and the body of each is built when it is sent. The endpoint with the oldest attempt comes first.
 * Deliveries of one endpoint are sent one after the other, by whichever run. Two concurrent runs never claim the same
 * delivery.
 *
 * It waits for no lock: a delivery that a running batch has locked is sent after that batch commits.
 *
 * The organization of a state follows from the event type, because a resent delivery has no `state_of`.
 *
 * An endpoint is slow if its last answer took {@link SLOW_MS} or did not come: the last answer to the due delivery or,
 * if that was never attempted, to the newest attempted one before it.
 */
const CLAIM = `
with due as (
  select distinct on (endpoint_id) id, endpoint_id, next_attempt_at, response_time_ms from webhook_deliveries
  where next_attempt_at <= $1
    and ($2::uuid[] is null or endpoint_id in (select endpoint_id from webhook_deliveries where id = any($2)))
  order by endpoint_id, type = '${STATE_EVENT}', next_attempt_at, id
), lanes as (
  select due.*, e.organization_id, e.tried_at,
    (select max(o.tried_at) from webhook_endpoints o where o.organization_id = e.organization_id) as organization_tried_at,
    coalesce(due.response_time_ms, (
      select d.response_time_ms from webhook_deliveries d
      where d.endpoint_id = due.endpoint_id and d.id < due.id and d.response_time_ms is not null order by d.id desc limit 1
    )) >= ${SLOW_MS} is true as is_slow
  from due join webhook_endpoints e on e.id = due.endpoint_id
  where ${IS_FREE} and ($6::uuid[] is null or e.organization_id = any($6))
), turns as (
  select *, row_number() over (partition by organization_id order by tried_at nulls first, next_attempt_at, id) as turn,
    row_number() over (partition by is_slow order by tried_at nulls first, next_attempt_at, id) as place
  from lanes
), locked as (
  select turns.id, turns.is_slow from webhook_endpoints e join turns on turns.endpoint_id = e.id
  where ${IS_FREE} and case when turns.is_slow then turns.place <= $4 else $7 end
  order by turns.turn, turns.organization_tried_at nulls first, turns.next_attempt_at, turns.id
  limit $3 for no key update of e skip locked
), free as (
  select d.id, locked.is_slow from webhook_deliveries d join locked on locked.id = d.id where d.next_attempt_at <= $1
  order by d.endpoint_id, d.id for no key update of d skip locked
), claimed as (
  update webhook_deliveries d set attempts = d.attempts + 1, next_attempt_at = $1::timestamptz + make_interval(secs => $5)
  from free where d.id = free.id and d.next_attempt_at <= $1
  returning d.*, free.is_slow
)
update webhook_endpoints e set tried_at = $1, busy_until = $1::timestamptz + make_interval(secs => $5)
from claimed d where e.id = d.endpoint_id
returning d.id, d.organization_id, d.endpoint_id, d.event_id, d.type, d.payload::text as body, d.attempts, e.url, e.is_active, e.is_operator,
  case when d.type = '${STATE_EVENT}' then coalesce(d.state_of, (d.payload #>> '{data,organization,id}')::uuid) end as state_of,
  d.is_slow,
  encode(e.secret, 'hex') as secret,
  encode(case when e.previous_secret_until > $1 then e.previous_secret end, 'hex') as previous_secret`

interface Row {
  readonly id: string
  readonly organization_id: string
  readonly endpoint_id: string
  readonly event_id: string
  readonly type: string
  readonly body: string
  readonly state_of: string | null
  readonly attempts: number
  readonly url: string
  readonly is_active: boolean
  readonly is_operator: boolean
  readonly is_slow: boolean
  readonly secret: string
  readonly previous_secret: string | null
}

/** An attempt that only this run may make. */
export type ClaimedDelivery = ReturnType<typeof toClaimedDelivery>

export interface ClaimOptions {
  readonly atMost: number
  /** How many of them may belong to slow endpoints; unlimited if absent. */
  readonly slowAtMost?: number
  /** Whether to claim nothing for other endpoints. */
  readonly isSlowOnly?: boolean
  /** Only in the lanes of these deliveries; in all lanes if absent. */
  readonly lanesOf?: readonly string[]
  /** Only to endpoints of these organizations; to all if absent. */
  readonly organizationIds?: readonly string[]
}

/** Claims at most one delivery per lane. */
export async function claimDeliveries(deps: Deps, options: ClaimOptions): Promise<ClaimedDelivery[]> {
  const { atMost, slowAtMost = atMost, isSlowOnly = false, lanesOf = null, organizationIds = null } = options
  const at = new Date(deps.now()).toISOString()
  const parameters = [at, lanesOf, atMost, slowAtMost, LEASE_SECONDS, organizationIds, !isSlowOnly]
  const rows = (await deps.sql.query(CLAIM, parameters)) as Row[]
  return rows.map((row) => toClaimedDelivery(row, at))
}

function toClaimedDelivery(row: Row, at: string) {
  return {
    id: row.id,
    /** ISO 8601. Together with the endpoint it identifies the hold on the lane. */
    at,
    organizationId: row.organization_id,
    endpointId: row.endpoint_id,
    eventId: row.event_id,
    type: row.type,
    body: row.body,
    /** The organization whose state it contains; null for other events. */
    stateOf: row.state_of,
    /** Including this one. */
    attempts: row.attempts,
    url: row.url,
    isActive: row.is_active,
    isOperator: row.is_operator,
    isSlow: row.is_slow,
    /** Encrypted; the current one first. */
    secrets: [row.secret, row.previous_secret].flatMap((hex) => (hex === null ? [] : [hexToBytes(hex)])),
  }
}
