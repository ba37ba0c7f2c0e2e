import type * as z from 'zod'
import { toFamily } from '../../db/plan-version.ts'
import type { Deps } from '../../deps.ts'
import type { Ledger } from '../schemas.ts'
import { type LedgerRow, readLedger } from './ledger-queries.ts'
import { price, readTiers, toUsd } from './money.ts'

/** For an organization's latest periods: the usage, the overage, the rows of the ledger, and the difference. */
export async function ledgerReport(deps: Deps, organizationId: string): Promise<z.output<typeof Ledger>> {
  return { data: (await readLedger(deps.sql, organizationId)).map(toMeter), next_cursor: null }
}

function toMeter(row: LedgerRow): z.output<typeof Ledger>['data'][number] {
  const used = Number(row.used)
  const overage = row.included === null ? 0 : Number(row.above)
  const owed = price(readTiers(row.tiers), BigInt(overage))
  const recorded = BigInt(row.amount)
  return {
    period_start: new Date(row.period_start).toISOString(),
    period_end: new Date(row.period_end).toISOString(),
    meter: row.meter,
    plan: toFamily(row.plan_id),
    provider: row.provider,
    included_units: row.included === null ? null : Number(row.included),
    used_units: used,
    used_units_by_hour: row.used_by_hour === null ? null : Number(row.used_by_hour),
    overage_units: overage,
    overage_usd: toUsd(owed),
    recorded_units: Number(row.recorded),
    recorded_usd: toUsd(recorded),
    pending_units: Number(row.pending),
    sent_units: Number(row.sent),
    refused_units: Number(row.refused),
    written_off_units: Number(row.written_off),
    unknown_units: Number(row.unknown),
    unpaid_units: Number(row.unpaid),
    difference_units: overage - Number(row.recorded),
    difference_usd: toUsd(owed - recorded),
  }
}
