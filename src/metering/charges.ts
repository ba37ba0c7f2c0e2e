import type { Deps } from '../deps.ts'
import type { CounterRequest } from '../limits/counter.ts'
import { creditsKey } from '../limits/credits/credits.ts'
import { toUnits } from '../limits/meters/units.ts'

const SELECT_CHARGES = `
select a.organization_id, greatest(0, coalesce(sum(u.charge_usd), 0) - a.charged_before)::text as used,
  coalesce(sum(u.even_charges), 0)::text as even, coalesce(sum(u.odd_charges), 0)::text as odd
from credit_accounts a left join usage_periods u on u.organization_id = a.organization_id
where a.organization_id = any($1::uuid[]) group by a.organization_id, a.charged_before`

interface Row {
  readonly organization_id: string
  readonly used: string
  readonly even: string
  readonly odd: string
}

/** The balance of an organization with credits, to which the counter in Redis is raised. */
export type Charge = Required<Pick<CounterRequest, 'key' | 'recorded' | 'balance'>>

/**
 * The charges of organizations according to Postgres, by their ids: only those that use credits.
 *
 * @throws Problem `unavailable` when the database does not respond
 */
export async function findCharges(
  deps: Deps,
  organizationIds: readonly string[],
): Promise<ReadonlyMap<string, Charge>> {
  const rows = (await deps.sql.query(SELECT_CHARGES, [organizationIds])) as Row[]
  return new Map(rows.map((row) => [row.organization_id, toCharge(row)]))
}

const toCharge = ({ organization_id, used, even, odd }: Row): Charge => ({
  key: creditsKey(organization_id),
  recorded: toUnits('cost_usd', used),
  balance: { lanes: [toUnits('cost_usd', even), toUnits('cost_usd', odd)] },
})
