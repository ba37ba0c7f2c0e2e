import * as z from 'zod'
import { ALL_METERS, forEachMeter } from '../db/schema/meters.ts'
import { customLimit, limitInput } from '../http/amounts.ts'
import { line } from '../http/fields.ts'
import { text, withoutPrototype } from '../http/text-field.ts'
import { maxConcurrent, newOrganizationLimits } from '../keys/limit-schemas.ts'

/** Booleans are text in a query string. */
export const flag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .optional()
  .meta({ type: 'boolean' })

export const search = text(200).min(1).optional()
export const plan = text(100).min(1).meta({ example: 'builder' })
export const reason = line(500).meta({ description: 'Kept in the audit log.' })

const METER_LIMITS = forEachMeter(ALL_METERS, (meter) => limitInput(meter).nullable().optional())

export const QuotaOverrides = z.strictObject({
  ...METER_LIMITS,
  rate_limit_per_minute: z.int().min(1).max(1_000_000).nullable().optional(),
  max_api_keys: z.int().min(0).max(1_000_000).nullable().optional(),
  meters: withoutPrototype(z.object(METER_LIMITS).catchall(customLimit.nullable()))
    .optional()
    .meta({
      description: 'Limits by slug, of your own meters and of built-in ones.',
      example: { images: 500 },
    }),
  max_concurrent: maxConcurrent.nullable().optional(),
  organization_limits: newOrganizationLimits.nullable().optional().meta({
    description:
      "Limits in which all keys of the organization count together. A request replaces all of them. Each replaces the plan's limit of the same name; the plan's other limits still apply. Null or an empty list restores the plan's limits.",
  }),
})
