import * as z from 'zod'
import { listSchema, organizationFilter, pageQuery, uuid } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'
import { WebhookDelivery } from '../../webhooks/schemas.ts'

export const DeliveryParams = z.strictObject({ id: uuid })

export const DeliveryQuery = pageQuery.extend({
  ...organizationFilter,
  endpoint_id: uuid.optional(),
  type: text(100).min(1).optional().meta({ description: 'Such as `quota.threshold_reached`.' }),
  state: WebhookDelivery.shape.state.optional(),
})

export const AdminDelivery = WebhookDelivery.omit({ payload: true })
  .extend({ organization_id: z.uuid(), endpoint_id: z.uuid(), url: z.string() })
  .meta({ id: 'AdminDelivery' })

export const AdminDeliveryList = listSchema(AdminDelivery)
