import * as z from 'zod'
import { anyAmount } from '../../http/amounts.ts'
import { listSchema, organizationRef, pageQuery, timestamp } from '../../http/fields.ts'

export const UsageAlert = z
  .object({
    id: z.uuid(),
    meter: z.string().meta({ description: 'The name of a built-in meter, or the slug of your own.' }),
    period_start: timestamp,
    limit: anyAmount.meta({ description: 'The limit at that time. A raised limit can be passed again.' }),
    threshold: z.int().meta({ description: 'Percent of the limit.' }),
    used: anyAmount.meta({ description: 'The use when the alert was recorded.' }),
    crossed_at: timestamp,
    notified_at: timestamp.nullable().meta({
      description:
        'When notifications were sent. If several percentages were passed together, only the highest is sent.',
    }),
  })
  .meta({ id: 'UsageAlert' })

export const UsageAlertList = listSchema(UsageAlert)
export const AlertListQuery = pageQuery.extend({ ...organizationRef })
export const OrganizationQuery = z.strictObject({ ...organizationRef })

export const AlertThresholds = z
  .object({
    thresholds: z.array(z.int()).meta({ description: 'Percentages of a limit, ascending.' }),
    is_default: z.boolean(),
  })
  .meta({ id: 'AlertThresholds' })

export const AlertThresholdsChange = z.strictObject({
  thresholds: z.array(z.int().min(1).max(1_000)).max(10).nullable().meta({
    description:
      'Percentages of a limit. Null for the default, empty for only the limit itself. Percentages above 100 apply to meters that continue as overage.',
  }),
})
