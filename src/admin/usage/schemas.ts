import * as z from 'zod'
import { text } from '../../http/text-field.ts'
import { DIMENSION_NAMES } from '../../metering/dimensions.ts'
import { PLATFORM_DIMENSIONS } from '../../usage/analytics/breakdown-rows.ts'
import { Breakdown, BreakdownQuery, SummaryQuery, TimeseriesQuery } from '../../usage/analytics/schemas.ts'

const which = {
  organization_id: SummaryQuery.shape.organization_id.meta({ description: 'Only of this organization.' }),
  plan: text(200).min(1).optional().meta({
    description: 'Only of organizations on this plan. Cannot be combined with `organization_id` or `key_id`.',
  }),
}

const GROUPS = [...DIMENSION_NAMES, ...PLATFORM_DIMENSIONS] as const

export const PlatformSummaryQuery = SummaryQuery.extend(which)
export const PlatformTimeseriesQuery = TimeseriesQuery.extend(which)
export const PlatformBreakdownQuery = BreakdownQuery.omit({ key_id: true }).extend({ ...which, by: z.enum(GROUPS) })

export const PlatformBreakdown = Breakdown.extend({ by: z.enum(GROUPS) }).meta({ id: 'PlatformUsageBreakdown' })
