import type * as z from 'zod'
import { formatUsd } from '../../lib/usd.ts'
import type { GrantRow, LedgerEntry } from './queries.ts'
import type { CreditGrant, CreditLedgerRow } from './schemas.ts'

export const toGrant = (row: GrantRow): z.output<typeof CreditGrant> => ({
  ...row,
  amount: formatUsd(row.amount),
  remaining: formatUsd(row.remaining),
  rolled_over: row.rolled_over && formatUsd(row.rolled_over),
})

export const toEntry = (row: LedgerEntry): z.output<typeof CreditLedgerRow> => ({
  ...row,
  amount: formatUsd(row.amount),
})
