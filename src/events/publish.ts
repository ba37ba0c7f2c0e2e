import { type SQL, sql } from 'drizzle-orm'
import type { Deps, ManagementDeps } from '../deps.ts'
import { uuidv7 } from '../lib/uuid.ts'
import { deliverNow } from './deliver.ts'
import type { TEST_EVENT, WebhookEventType } from './event-types.ts'

export const MAX_ENDPOINTS = 10

interface Happening {
  readonly organizationId: string
  readonly type: WebhookEventType | typeof TEST_EVENT
  /** What receivers get under `data`. Never a secret. */
  readonly data: Readonly<Record<string, unknown>>
}

/** An event before anybody is told of it, with an id for each delivery that it may become. */
export interface WebhookEvent {
  /** `webhook-id`: what receivers tell repeats by. */
  readonly id: string
  readonly organizationId: string
  readonly type: string
  /** The body as JSON: type, timestamp, data. */
  readonly payload: string
  readonly deliveryIds: readonly string[]
  /** ISO 8601. */
  readonly at: string
}

/** @param now Unix milliseconds */
export function webhookEvent(now: number, { organizationId, type, data }: Happening): WebhookEvent {
  const at = new Date(now).toISOString()
  return {
    id: `evt_${uuidv7(now)}`,
    organizationId,
    type,
    payload: JSON.stringify({ type, timestamp: at, data }),
    deliveryIds: Array.from({ length: MAX_ENDPOINTS }, () => uuidv7(now)),
    at,
  }
}

/**
 * The statement that puts an event on its way to every endpoint of its organization that asks for it, as the database
 * knows them at that moment; an endpoint that wants to be left alone gets it afterwards. Endpoints are locked, or one that
 * is deleted meanwhile would break the batch.
 *
 * @param provided what must hold for anybody to be told
 */
export function insertDeliveries(event: WebhookEvent, provided: SQL = sql`true`): SQL {
  const asks = sql`is_active and (events = '{}' or ${event.type} = any(events))`
  return insertFor(event, asks, provided)
}

/** The same for one endpoint, whatever it asks for; an endpoint that is switched off gets nothing. */
export function insertDeliveryTo(endpointId: string, event: WebhookEvent): SQL {
  return insertFor(event, sql`is_active and id = ${endpointId}::uuid`, sql`true`)
}

function insertFor({ id, organizationId, type, payload, deliveryIds, at }: WebhookEvent, which: SQL, provided: SQL) {
  return sql`
    insert into webhook_deliveries (id, organization_id, endpoint_id, event_id, type, payload, next_attempt_at, created_at)
    select (string_to_array(${deliveryIds.join(',')}, ',')::uuid[])[place], ${organizationId}::uuid, endpoint_id, ${id},
      ${type}, ${payload}::jsonb, greatest(${at}::timestamptz, paused_until), ${at}::timestamptz
    from (select locked.id as endpoint_id, paused_until, row_number() over (order by locked.id) as place from (
      select id, paused_until from webhook_endpoints where organization_id = ${organizationId}::uuid and ${which}
      order by id for key share) locked) told
    where place <= ${deliveryIds.length}::int and ${provided}`
}

/**
 * An event with its rows: put `insert` into the batch of what it tells of, so that there is not one without the other,
 * and call `send` after it. A job sends what that does not.
 */
export function deliveriesFor(deps: ManagementDeps, happening: Happening) {
  const event = webhookEvent(deps.now(), happening)
  return { insert: deps.db.execute(insertDeliveries(event)), send: () => sendSoon(deps, event) }
}

/** Tries an event's deliveries once the request is answered. */
export function sendSoon(deps: Deps, { deliveryIds }: Pick<WebhookEvent, 'deliveryIds'>): void {
  deps.defer(deliverNow(deps, deliveryIds))
}
