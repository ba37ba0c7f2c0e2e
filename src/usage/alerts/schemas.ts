import * as z from 'zod'
import { ALERT_KINDS } from '../../db/schema/shapes.ts'
import { anyAmount } from '../../http/amounts.ts'
import { listSchema, organizationRef, pageQuery, timestamp } from '../../http/fields.ts'

const meter = z.string().meta({ description: 'The name of a built-in meter, or the slug of your own.' })

export const UsageAlert = z
  .object({
    id: z.uuid(),
    meter,
    kind: z.enum(ALERT_KINDS).meta({
      description:
        '`percentage`: of a limit. `usage`: an amount of usage. `overage`: an amount of usage above the limit.',
    }),
    period_start: timestamp,
    limit: anyAmount.nullable().meta({
      description: 'The limit at that time. A raised limit can be passed again. Null for an amount.',
    }),
    threshold: z.int().nullable().meta({ description: 'Percent of the limit. Null for an amount.' }),
    amount: anyAmount.nullable().meta({ description: 'The amount that was reached. Null for a percentage.' }),
    used: anyAmount.meta({
      description: 'The usage when the alert was recorded. For `overage`, the usage above the limit.',
    }),
    crossed_at: timestamp,
    notified_at: timestamp.nullable().meta({
      description:
        'When notifications were sent. If several percentages were passed together, or several amounts, only the highest is sent.',
    }),
  })
  .meta({ id: 'UsageAlert' })

export const UsageAlertList = listSchema(UsageAlert)
export const AlertListQuery = pageQuery.extend({ ...organizationRef })
export const OrganizationQuery = z.strictObject({ ...organizationRef })

const kind = z.enum(['usage', 'overage'])

export const AlertThresholds = z
  .object({
    thresholds: z.array(z.int()).meta({ description: 'Percentages of a limit, ascending.' }),
    is_default: z.boolean().meta({ description: 'Whether these are the default percentages.' }),
    amounts: z
      .array(z.object({ meter, kind, amount: anyAmount }))
      .meta({ description: 'By meter, kind and amount, ascending.' }),
  })
  .meta({ id: 'AlertThresholds' })

export const NewAlertAmount = z.strictObject({
  meter: z.string().min(1).max(64).meta({
    description: 'The name of a built-in meter, or the slug of your own. It needs no limit, except for `overage`.',
  }),
  kind: kind
    .default('usage')
    .meta({ description: '`usage`: all usage in a period. `overage`: usage above the limit.' }),
  amount: z.union([z.number(), z.string().max(100)]).meta({
    description: 'Above 0, in the unit of the meter: US dollars as a decimal string for `cost_usd`, else a number.',
  }),
})

/** The maximum of each. */
const MAX_THRESHOLDS = 10
const MAX_AMOUNTS = 20

export const AlertThresholdsChange = z
  .strictObject({
    thresholds: z.array(z.int().min(1).max(1_000)).max(MAX_THRESHOLDS).nullish().meta({
      description:
        'Percentages of a limit. Null for the default, empty for only the limit itself; unchanged if absent. Percentages above 100 apply to meters that continue as overage.',
    }),
    amounts: z.array(NewAlertAmount).max(MAX_AMOUNTS).optional().meta({
      description: 'Amounts of meters. Replaces all existing amounts; unchanged if absent.',
    }),
  })
  .refine(({ thresholds, amounts }) => thresholds !== undefined || amounts !== undefined, {
    path: ['thresholds'],
    message: 'or `amounts` is required',
  })
  .meta({ example: { thresholds: [50, 80, 95], amounts: [{ meter: 'cost_usd', kind: 'usage', amount: '25.00' }] } })
