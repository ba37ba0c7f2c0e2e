import { amountIn, METERS } from './schema/meters.ts'

const BUILT_IN = METERS.map((meter) => `('${meter}', (${amountIn('u', meter)})::numeric)`).join(', ')

/**
 * @param organizationId SQL of an organization's id
 * @param periodStart SQL of the start of a period
 * @returns a query of `meter` and `used`: what Postgres knows of all counters in the period, built-in and custom, and the
 *   present level of all gauges. A meter that was never used has no row.
 */
export const selectReadings = (organizationId: string, periodStart: string): string => `
  select counter.meter, counter.used from usage_periods u cross join lateral (values ${BUILT_IN}) as counter(meter, used)
  where u.organization_id = ${organizationId} and u.period_start = ${periodStart}
  union all select c.meter, c.amount from usage_meter_periods c
  where c.organization_id = ${organizationId} and c.period_start = ${periodStart}
  union all select g.meter, g.value from usage_gauges g where g.organization_id = ${organizationId}`
