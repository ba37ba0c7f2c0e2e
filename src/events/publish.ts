import { type SQL, sql } from 'drizzle-orm'
import { whenCommitted } from '../db/batch.ts'
import type { Deps, ManagementDeps } from '../deps.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { deliverNow } from './deliver.ts'
import { buildPayload, newIdLike, ORGANIZATION } from './payload.ts'
import type { Happening } from './subjects.ts'

/** Whether an endpoint `e` receives events of a type. */
export const isAskingFor = (type: string) => sql`e.is_active and (e.events = '{}' or ${type} = any(e.events))`

/**
 * The statement that creates deliveries of events to the subscribed endpoints of their organizations and of the operator, as
 * they are at that moment. If an endpoint asked for a pause, its deliveries are due after the pause. It locks the endpoints;
 * otherwise, one that is deleted meanwhile would break the batch. It inserts rows in a fixed order, so that two batches with
 * the same events cannot deadlock. It returns the ids of the deliveries.
 *
 * @param now Unix milliseconds
 * @param provided the condition for publishing the event
 */
export function insertDeliveries(
  now: number,
  { type, subjects, isOnce = false, requestId }: Happening,
  provided: SQL = sql`true`,
): SQL {
  const id = uuidv7(now)
  const at = new Date(now).toISOString()
  const eventId = isOnce ? sql`'evt_' || s.once` : sql`'evt_' || ${newIdLike(uuidv7(now))}`
  return sql`
    with subject as materialized (${subjects}), numbered as materialized (
      select s.*, ${eventId} as event_id from subject s where ${provided}
    ), listening as materialized (
      select e.id, e.organization_id, e.is_operator, e.paused_until from webhook_endpoints e
      where ${isAskingFor(type)}
        and (e.is_operator or e.organization_id in (select organization_id from numbered))
      order by e.id for key share
    )
    insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, next_attempt_at, created_at, request_id)
    select ${newIdLike(id)}, e.organization_id, e.id, s.event_id, ${type},
      ${buildPayload(type, at, sql`jsonb_build_object('organization', ${ORGANIZATION}) || s.data`)},
      greatest(${at}::timestamptz, e.paused_until), ${at}::timestamptz, ${requestId ?? null}::text
    from numbered s join organizations o on o.id = s.organization_id
    join listening e on e.is_operator or e.organization_id = s.organization_id
    order by e.id, s.event_id
    on conflict (endpoint_id, event_id) do nothing
    returning id`
}

/**
 * The step of a batch that publishes an event about the batch's change, so that both are committed or neither. Its
 * deliveries are attempted after the batch is committed and the request is answered; a job sends the rest.
 */
export function published(deps: ManagementDeps, happening: Happening) {
  const statement = deps.db.execute<{ id: string }>(
    insertDeliveries(deps.now(), { ...happening, requestId: deps.origin.requestId }),
  )
  return whenCommitted(statement, ({ rows }) =>
    sendSoon(
      deps,
      rows.map(({ id }) => id),
    ),
  )
}

/** Attempts deliveries after the request is answered. */
export function sendSoon(deps: Deps, deliveryIds: readonly string[]): void {
  if (deliveryIds.length > 0) deps.defer(deliverNow(deps, deliveryIds))
}
