import * as z from 'zod'
import { ALL_METERS, forEachMeter } from '../db/schema/meters.ts'
import { limitInput } from '../http/amounts.ts'
import { organizationInPath } from '../http/fields.ts'

export const OrganizationParams = z.strictObject({ organization_id: organizationInPath })

export const QuotaOverrides = z.strictObject({
  ...forEachMeter(ALL_METERS, (meter) => limitInput(meter).nullable().optional()),
  rate_limit_per_minute: z.int().min(1).max(1_000_000).nullable().optional(),
  max_api_keys: z.int().min(0).max(1_000_000).nullable().optional(),
})
