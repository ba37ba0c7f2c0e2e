import * as z from 'zod'
import { BillingSubscription } from '../../billing/schemas.ts'
import { listSchema, organizationFilter, pageQuery, timestamp } from '../../http/fields.ts'
import { text } from '../../http/text-field.ts'

const { provider, status } = BillingSubscription.shape

export const SubscriptionQuery = pageQuery.extend({
  status: status.optional(),
  plan: text(100).min(1).optional().meta({ description: 'The id of the plan that was bought.' }),
  provider: provider.optional(),
  ...organizationFilter,
})

export const AdminSubscription = BillingSubscription.extend({
  id: z.uuid(),
  organization_id: z.uuid(),
  provider_subscription_id: z.string().meta({ description: "The provider's id of the subscription." }),
  provider_customer_id: z.string().meta({ description: "The provider's id of the payer." }),
  is_current: z
    .boolean()
    .meta({ description: "Whether it determines the organization's plan. At most one subscription does." }),
  ended_at: timestamp.nullable(),
  created_at: timestamp,
  updated_at: timestamp.meta({ description: "When Tollgate last stored the provider's state of it." }),
}).meta({ id: 'AdminSubscription' })

export const AdminSubscriptionList = listSchema(AdminSubscription)
