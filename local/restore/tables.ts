import type { Rows } from './parts.ts'
import { ACCESS } from './rows-access.ts'
import { HISTORY } from './rows-history.ts'
import { NEW } from './rows-new.ts'

/** Everything that is carried row by row, in the order in which rows refer to each other. */
export const ROWS: readonly Rows[] = [...NEW, ...ACCESS, ...HISTORY]

/** Written by carry-usage.ts, as the Worker writes usage, with all sums. */
export const USAGE_TABLES = [
  'usage_events',
  'usage_dedupe',
  'usage_completions',
  'usage_request_ids',
  'usage_periods',
  'usage_meter_periods',
  'usage_hourly',
  'usage_meter_hourly',
  'usage_totals',
  'usage_slices',
  'usage_daily_slices',
  'usage_subject_days',
  'usage_meter_subject_days',
  'usage_verdicts',
  'usage_late_hours',
  'usage_erasures',
  'api_key_usage',
] as const

/** Tables whose restored rows are left unchanged, and why that does no harm. */
export const LEFT: Readonly<Record<string, string>> = {
  subscriptions: 'the provider has them; its events since are handled again',
  credit_accounts:
    'sums of the ledger of credits; what the provider sold is handled again, the rest the audit log names',
  credit_grants: 'what the provider sold is handled again; grants and revocations by hand the audit log names',
  credit_ledger: 'written with the grants, and by the job that burns credits for usage that is carried',
  credit_purchases: 'the events of the provider that made them are handled again',
  payment_reversals: 'the events of the provider that made them are handled again',
  usage_platform_hours: 'folded again from the sums of organizations',
  usage_platform_days: 'folded again from the sums of organizations',
  usage_platform_months: 'folded again from the sums of organizations',
  usage_platform_progress: 'where the fold was at the moment, from which it goes on',
  usage_platform_plans: 'written by that fold',
  retention_progress:
    'progress of jobs at that moment: they continue from there, because rows of that time are restored as well',
  job_runs: 'the next run writes it',
  metric_counters: 'counts of isolates, which write them again',
  schema_migrations: 'written by `npm run migrate`',
}
