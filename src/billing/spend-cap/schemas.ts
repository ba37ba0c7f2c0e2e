import * as z from 'zod'
import { organizationRef, timestamp } from '../../http/fields.ts'
import { positiveUsd, usd } from '../credits/schemas.ts'

const action = z.enum(['block', 'alert']).meta({
  description:
    '`block` refuses requests that would exceed it. `alert` notifies owners, admins and endpoints, and lets requests continue.',
})

export const SpendCapQuery = z.strictObject({ ...organizationRef })

export const NewSpendCap = z
  .strictObject({
    ...organizationRef,
    cost_usd: positiveUsd.nullable().meta({ description: 'The maximum cost of a usage period; null for no cap.' }),
    action: action.default('block'),
  })
  .meta({ example: { cost_usd: '50.00', action: 'block' } })

export const SpendCap = z
  .object({
    cost_usd: usd.nullable().meta({ description: 'Null without a cap.' }),
    action: action.nullable(),
    used: usd.meta({
      description: 'The cost of this period so far: recorded charges, and overage.',
    }),
    period_start: timestamp,
    resets_at: timestamp,
  })
  .meta({ id: 'SpendCap' })
