import * as z from 'zod'
import { listSchema, organizationFilter, pageQuery, timestamp, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'

const provider = z.enum(['polar', 'stripe'])
const state = z.enum(['received', 'processing', 'done', 'failed'])

export const BillingEventParams = z.strictObject({ id: uuid })

export const BillingEventQuery = pageQuery.extend({
  provider: provider.optional(),
  type: text(255)
    .min(1)
    .optional()
    .meta({ description: "The provider's name for it, such as `subscription.updated`." }),
  state: state.optional(),
  outcome: text(200).min(1).optional().meta({ description: 'Such as `applied`, `unchanged` or `stored`.' }),
  ...organizationFilter,
})

export const AdminBillingEvent = z
  .object({
    id: z.uuid(),
    event_id: z.string().meta({ description: "The provider's id." }),
    provider,
    type: z.string(),
    state: state.meta({ description: '`failed`: retried by the provider, by the hourly job, or by a replay.' }),
    outcome: z.string().nullable().meta({
      description:
        'The outcome: `applied`, `unchanged`, or `stored` if the event has no effect. A failed replay keeps the earlier outcome.',
    }),
    error: z.string().nullable().meta({ description: 'Why the last attempt failed.' }),
    attempts: z.int(),
    organization_id: z
      .uuid()
      .nullable()
      .meta({ description: 'Null if the event concerns no organization of this deployment.' }),
    occurred_at: timestamp.meta({ description: "The provider's time." }),
    received_at: timestamp,
    processed_at: timestamp.nullable(),
  })
  .meta({ id: 'AdminBillingEvent' })

export const AdminBillingEventList = listSchema(AdminBillingEvent)
