import * as z from 'zod'
import { ALL_METERS, forEachMeter, METER_ROWS, type Meter } from '../db/schema/meters.ts'
import { uuid } from '../http/fields.ts'

export const OrganizationParams = z.strictObject({ id: uuid })

/** Far above any real limit, and far below where sums would leave the exact integers. */
const wholeUnits = z.int().min(0).max(1_000_000_000_000)
const fractions = z.number().min(0).max(1_000_000_000)
const limitSchema = (meter: Meter) =>
  (METER_ROWS[meter].unitsPerOne === 1 ? wholeUnits : fractions).nullable().optional()

export const QuotaOverrides = z.strictObject({
  ...forEachMeter(ALL_METERS, limitSchema),
  rate_limit_per_minute: z.int().min(1).max(1_000_000).nullable().optional(),
  max_api_keys: z.int().min(0).max(1_000_000).nullable().optional(),
})
