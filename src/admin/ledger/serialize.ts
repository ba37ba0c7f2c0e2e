import type * as z from 'zod'
import { toUsd } from '../../billing/overage/money.ts'
import { dateToIso } from '../../lib/iso.ts'
import type { LedgerRowView } from './queries.ts'
import type { AdminLedgerRow } from './schemas.ts'

/** Serializes a row of the ledger. */
export function toLedgerRow(row: LedgerRowView): z.output<typeof AdminLedgerRow> {
  return {
    id: row.identifier,
    organization_id: row.organizationId,
    provider: row.provider,
    meter: row.meter,
    period_start: row.periodStart.toISOString(),
    from_units: row.fromUnits,
    units: row.units,
    amount_usd: toUsd(row.amountMicroUsd),
    state: row.state,
    attempts: row.attempts,
    error: row.error,
    attempted_at: dateToIso(row.attemptedAt),
    sent_at: dateToIso(row.sentAt),
    created_at: row.createdAt.toISOString(),
  }
}
