import * as z from 'zod'
import { WEBHOOK_EVENT_TYPES, WEBHOOK_EVENTS } from '../events/event-types.ts'
import { line, listSchema, organizationRef, pageQuery, timestamp, uuid } from '../http/fields.ts'

const events = z.array(z.enum(WEBHOOK_EVENT_TYPES)).max(WEBHOOK_EVENT_TYPES.length)
const EVENTS = 'The event types that it receives. Empty for all, including those of later versions.'

export const WebhookEndpoint = z
  .object({
    id: z.uuid(),
    organization_id: z.uuid(),
    url: z.string(),
    description: z.string().nullable(),
    events: z.array(z.string()).meta({ description: EVENTS }),
    is_active: z.boolean(),
    disabled_reason: z.string().nullable().meta({ description: 'Why Tollgate disabled it.' }),
    failed_events: z
      .int()
      .meta({ description: 'Consecutive events that were given up. At 5 the endpoint is disabled.' }),
    previous_secret_until: timestamp
      .nullable()
      .meta({ description: 'Until then, deliveries are also signed with the secret before the last rotation.' }),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'WebhookEndpoint' })

export const WebhookEndpointWithSecret = WebhookEndpoint.extend({
  secret: z.string().meta({ description: 'The secret that signs deliveries. Only this response contains it.' }),
}).meta({ id: 'WebhookEndpointWithSecret' })

export const WebhookEndpointList = listSchema(WebhookEndpoint)

/** The address is checked later, where the deployment's own address is known. */
const url = z
  .string()
  .max(2_000)
  .meta({ description: 'A public `https:` URL on port 443 or 8443, without user name and password.' })

/** An endpoint of the operator receives the events of every organization. */
export const NewOperatorEndpoint = z.strictObject({
  url,
  description: line(200).nullish(),
  events: events.default([]).meta({
    description: `${EVENTS}\n\n${Object.entries(WEBHOOK_EVENTS)
      .map(([type, meaning]) => `\`${type}\`: ${meaning}`)
      .join('\n\n')}`,
  }),
})

export const NewWebhookEndpoint = NewOperatorEndpoint.extend({
  ...organizationRef,
})

export const WebhookEndpointChanges = z.strictObject({
  url: url.optional(),
  description: line(200).nullish(),
  events: events.optional().meta({ description: EVENTS }),
  is_active: z.boolean().optional().meta({
    description: 'Disabling the endpoint gives up its waiting deliveries. Enabling it resets its count of failures.',
  }),
})

export const WebhookDelivery = z
  .object({
    id: z.uuid(),
    event_id: z.string().meta({ description: 'The `webhook-id`, the same for every attempt and resend.' }),
    type: z.string(),
    state: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    next_attempt_at: timestamp.nullable(),
    status_code: z.int().nullable().meta({ description: "The status of the endpoint's last response." }),
    error: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
    response_time_ms: z.int().nullable(),
    payload: z.record(z.string(), z.unknown()).meta({ description: 'The body that is sent.' }),
    created_at: timestamp,
    delivered_at: timestamp.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })

export const WebhookDeliveryList = listSchema(WebhookDelivery)

export const EndpointParams = z.strictObject({ id: uuid })
export const DeliveryParams = z.strictObject({ id: uuid, delivery_id: uuid })
export const OrganizationQuery = z.strictObject({ ...organizationRef })
export const EndpointListQuery = pageQuery.extend({ ...organizationRef })
