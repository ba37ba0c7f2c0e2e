/** Amounts of custom counters in analytics. They have only one roll-up, by hour and all dimensions. */
import { buildConditions, type Filter } from './filter.ts'
import { isOnPlan, within } from './hour-rows.ts'
import { isPlatform, type Scope } from './scope.ts'
import type { Span } from './span.ts'

/** By slug. Meters without use are absent. */
export type Quantities = Readonly<Record<string, number>>

interface AmountQuery {
  /** Whole hours. */
  readonly span: Span
  readonly filter: Filter
}

/**
 * SQL of the rows of a span, each with its hour, meter, dimensions and amount.
 *
 * @param parameters the list to which its parameters are added
 */
export function selectAmounts(scope: Scope, { span, filter }: AmountQuery, parameters: unknown[]): string {
  const owners = isPlatform(scope)
    ? isOnPlan(scope, parameters)
    : `and organization_id = $${parameters.push(scope.organizationId)}`
  return `select * from usage_meter_hourly
    where ${within('hour', span, parameters)} ${owners} ${buildConditions(filter, parameters)}`
}

/**
 * SQL of one row for each group, with its amounts as a JSON object.
 *
 * @param group the column that groups
 * @param rows the SQL from {@link selectAmounts}
 */
export const sumAmounts = (group: string, rows: string) => `
select grouped, jsonb_object_agg(meter, amount) as quantities from (
  select ${group} as grouped, meter, sum(amount)::float8 as amount from (${rows}) as amounts group by 1, 2 having sum(amount) <> 0
) as sums group by 1`

/** A row of {@link sumAmounts}. */
export interface QuantityRow<Group> {
  readonly grouped: Group
  readonly quantities: Quantities
}

export const findQuantities = <Group>(rows: readonly QuantityRow<Group>[], group: Group): Quantities =>
  rows.find(({ grouped }) => grouped === group)?.quantities ?? {}
