import * as z from 'zod'
import { uuid } from '../http/fields.ts'

export const OrganizationParams = z.strictObject({ id: uuid })

/** Far above any real limit, and far below where sums would leave the exact integers. */
const count = z.int().min(0).max(1_000_000_000_000).nullable().optional()

export const QuotaOverrides = z.strictObject({
  api_calls: count,
  queries: count,
  tokens: count,
  concepts: count,
  cost_usd: z.number().min(0).max(1_000_000_000).nullable().optional(),
  storage_gb: z.number().min(0).max(1_000_000_000).nullable().optional(),
  rate_limit_per_minute: z.int().min(1).max(1_000_000).nullable().optional(),
  max_api_keys: z.int().min(0).max(1_000_000).nullable().optional(),
})
