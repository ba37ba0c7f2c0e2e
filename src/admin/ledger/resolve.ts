import { keepAnswer } from '../../api/idempotency.ts'
import type { Principal } from '../../auth/principal.ts'
import { changesFor, isStuckState, type Resolution, resolveStuck } from '../../billing/overage/resolve.ts'
import type { ManagementDeps } from '../../deps.ts'
import { Problem } from '../../problems.ts'
import { findLedgerRow, type LedgerRowView } from './queries.ts'
import { toLedgerRow } from './serialize.ts'

/** Why a row cannot be resolved, by its state. */
const SETTLED: Readonly<Record<string, string>> = {
  sent: 'The payment provider has taken this row and charges it.',
  pending: 'The row is on its way: the job sends it within minutes, and to Stripe with the next invoice.',
  written_off: 'The row was written off.',
}

/**
 * Resends one row of overage, or writes it off; at Stripe, together with all rows of its invoice item.
 *
 * @throws Problem `ledger_row_not_found`, `ledger_row_settled` for a row that was charged, is pending or was written off
 */
export async function resolveRow(
  deps: ManagementDeps,
  actor: Principal,
  id: string,
  resolution: Resolution,
): Promise<LedgerRowView> {
  const row = await getOpenRow(deps, id)
  const resolved = { ...row, ...changesFor(resolution) }
  const answer = await keepAnswer(deps, 200, toLedgerRow(resolved))
  const { organizationId } = row
  try {
    await resolveStuck(deps, { actor, organizationId, identifier: row.chargedWith ?? id, resolution, answer })
  } catch (error) {
    if (error instanceof Problem) await getOpenRow(deps, id) // another request was faster: report the row's current state
    throw error
  }
  return resolved
}

async function getOpenRow(deps: ManagementDeps, id: string): Promise<LedgerRowView> {
  const row = await findLedgerRow(deps.db, id)
  if (!row) throw new Problem('ledger_row_not_found', { detail: 'No such row of the ledger.' })
  if (!isStuckState(row.state)) throw new Problem('ledger_row_settled', { detail: SETTLED[row.state] ?? row.state })
  return row
}
