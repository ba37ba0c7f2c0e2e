import type * as z from 'zod'
import { dateToIso } from '../lib/iso.ts'
import type { DeliveryView, EndpointView } from './queries.ts'
import type { WebhookDelivery, WebhookEndpoint } from './schemas.ts'

/** An endpoint in its wire form. */
export function toEndpoint(row: EndpointView): z.output<typeof WebhookEndpoint> {
  return {
    id: row.id,
    organization_id: row.organizationId,
    url: row.url,
    description: row.description,
    events: row.events,
    is_active: row.isActive,
    disabled_reason: row.disabledReason,
    failed_events: row.failedEvents,
    previous_secret_until: dateToIso(row.previousSecretUntil),
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

export function toDelivery(row: DeliveryView): z.output<typeof WebhookDelivery> {
  return {
    id: row.id,
    event_id: row.eventId,
    type: row.type,
    state: row.state,
    attempts: row.attempts,
    next_attempt_at: dateToIso(row.nextAttemptAt),
    status_code: row.lastStatusCode,
    error: row.lastError,
    response_time_ms: row.responseTimeMs,
    payload: row.payload,
    created_at: row.createdAt.toISOString(),
    delivered_at: dateToIso(row.deliveredAt),
  }
}
