import * as z from 'zod'
import { organizationRef, timestamp } from '../../http/fields.ts'
import { positiveUsd, usd } from '../credits/schemas.ts'

const action = z.enum(['block', 'alert']).meta({
  description: '`block` refuses what would go beyond it; `alert` tells owners, admins and endpoints, and goes on.',
})

export const SpendCapQuery = z.strictObject({ ...organizationRef })

export const NewSpendCap = z
  .strictObject({
    ...organizationRef,
    cost_usd: positiveUsd.nullable().meta({ description: 'What a usage period may cost; null for no cap.' }),
    action: action.default('block'),
  })
  .meta({ example: { cost_usd: '50.00', action: 'block' } })

export const SpendCap = z
  .object({
    cost_usd: usd.nullable().meta({ description: 'Null without a cap.' }),
    action: action.nullable(),
    used: usd.meta({
      description: 'What this period costs until now: the charges that are recorded, and the overage.',
    }),
    period_start: timestamp,
    resets_at: timestamp,
  })
  .meta({ id: 'SpendCap' })
