import { MAX_ORGANIZATIONS } from '../billing/credits/job.ts'
import { BATCH, BATCHES } from '../billing/overage/job.ts'
import { PAGE_SUBSCRIPTIONS } from '../billing/reconcile/drift.ts'
import { MAX_ATTEMPTS } from '../billing/reconcile/job.ts'
import { MAX_PAGES } from '../billing/reconcile/progress.ts'
import { changedAfter } from '../db/recent-periods.ts'
import type { Deps } from '../deps.ts'
import { JOB_RUN_MS as WEBHOOK_RUN_MS } from '../events/deliver.ts'
import { RUN_MS as EXPIRY_RUN_MS } from '../events/expiry.ts'
import { RUN_MS as MAIL_RUN_MS } from '../mail/outbox.ts'
import { RUN_MS as COMPACT_RUN_MS } from '../metering/compact-hours.ts'
import { BATCH_ROWS as MAX_COMPLETIONS } from '../metering/complete-waiting.ts'
import { RUN_MS as FOLD_RUN_MS } from '../metering/fold-platform.ts'
import { LOOK_BACK_MS, MAX_PERIODS } from '../metering/reconcile-counters.ts'
import { DRAIN_MS } from '../metering/spool.ts'
import { FOLDED } from '../metrics/flush.ts'
import { BATCH as CHECKED_DOMAINS, FOUND_MS, MISSED_MS } from '../organizations/domains/lapse.ts'
import { RUN_MS as ERASE_RUN_MS } from '../privacy/erase-old.ts'
import { SETTLED_MS, TIME_BUDGET_MS } from '../privacy/erase-usage.ts'
import { MAX_RECIPIENTS } from '../usage/alerts/notify.ts'
import { BATCH_ROWS, MAX_BATCHES, PRUNED } from './registry.ts'

/** The backlog of a job, and how much of it one run processes. */
interface Work {
  /** What is counted. */
  readonly of: string
  /** SQL with a row for each item that waits at `$1`; absent if nothing waits in Postgres. */
  readonly waiting?: string
  /** The maximum that a run processes; absent if only its time limits it. */
  readonly amount?: number
  /** How long a run begins new work; absent if only the amount limits it. */
  readonly ms?: number
}

const before = (ms: number) => `$1::timestamptz - interval '${ms} milliseconds'`
const DAY_MS = 24 * 3_600_000

/** Keyed by the names in `registry.ts`. The spool is in Redis, and is measured there. */
export const WORK: Readonly<Record<string, Work>> = {
  'drain-usage-spool': { of: 'spooled batches of usage', ms: DRAIN_MS },
  'complete-requests': {
    of: 'reports without their verification whose next attempt is due',
    waiting: 'select 1 from usage_completions where tried_at <= $1::timestamptz',
    amount: MAX_COMPLETIONS,
  },
  'check-usage-alerts': {
    of: 'alerts that nobody was notified of',
    waiting: 'select 1 from usage_alerts where notified_at is null',
    amount: MAX_RECIPIENTS,
  },
  'settle-credits': {
    of: 'organizations with grants of credits that have expired and still hold something',
    waiting: 'select 1 from credit_grants where remaining > 0 and expires_at <= $1::timestamptz',
    amount: MAX_ORGANIZATIONS,
  },
  'tell-expiry': { of: 'keys and invitations that expired since the last run', ms: EXPIRY_RUN_MS },
  'deliver-mail': {
    of: 'emails that are due',
    waiting: 'select 1 from mail_outbox where next_attempt_at <= $1::timestamptz',
    ms: MAIL_RUN_MS,
  },
  'deliver-webhooks': {
    of: 'webhook deliveries that are due',
    waiting: 'select 1 from webhook_deliveries where next_attempt_at <= $1::timestamptz',
    ms: WEBHOOK_RUN_MS,
  },
  'deliver-slow-webhooks': {
    of: 'webhook deliveries to slow endpoints, which are among those of `deliver-webhooks`',
    ms: WEBHOOK_RUN_MS,
  },
  'send-metered-usage': {
    of: 'rows of overage that are to be sent',
    waiting: `select 1 from billing_usage_ledger where state = 'pending'`,
    amount: BATCH * BATCHES,
  },
  'erase-from-usage': {
    of: 'deleted organizations and erased subjects with personal data in raw events',
    waiting: `select 1 from usage_erasures where deleted_at <= ${before(SETTLED_MS)}`,
    ms: TIME_BUDGET_MS,
  },
  'reconcile-quotas': {
    of: 'usage periods that changed lately',
    waiting: `select 1 from usage_periods u where ${changedAfter('u', `(${before(LOOK_BACK_MS)})`)}`,
    amount: MAX_PERIODS,
  },
  'reconcile-billing': {
    of: 'events of payment providers that are not done; a run also compares subscriptions, up to the ceiling for each provider',
    waiting: `select 1 from billing_events where state <> 'done' and attempts < ${MAX_ATTEMPTS}`,
    amount: MAX_PAGES * PAGE_SUBSCRIPTIONS,
  },
  'check-domains': {
    of: 'verified domains whose record is to be looked up again',
    waiting: `select 1 from organization_domains where verified_at is not null and checked_at < (
      case missed when 0 then ${before(FOUND_MS)} else ${before(MISSED_MS)} end)`,
    amount: CHECKED_DOMAINS,
  },
  'fold-platform-usage': {
    of: 'hours that are over, or late, and not summed up for the operator',
    waiting: `select 1 from usage_platform_progress, generate_series(folded_until,
        date_trunc('hour', $1::timestamptz - interval '5 minutes', 'UTC') - interval '1 hour', interval '1 hour')
      union all select 1 from (select distinct hour from usage_late_hours) as late`,
    ms: FOLD_RUN_MS,
  },
  'fold-metrics': {
    of: 'rows of counters of isolates that are gone',
    waiting: `select 1 from metric_counters where written_at < ${before(3_600_000)} and isolate <> '${FOLDED}'`,
  },
  'make-usage-partitions': {
    of: 'raw events and ids without a partition',
    waiting: 'select 1 from usage_events_default union all select 1 from usage_dedupe_default',
  },
  'drop-usage-partitions': { of: 'partitions' },
  'make-audit-partitions': {
    of: 'rows of the audit log without a partition',
    waiting: 'select 1 from audit_logs_default',
  },
  'drop-audit-partitions': { of: 'partitions of the audit log' },
  'compact-hours': { of: 'days whose sums by the hour are older than 13 months', ms: COMPACT_RUN_MS },
  'erase-old-data': { of: 'rows with an address, a device or a payload that is too old', ms: ERASE_RUN_MS },
  prune: {
    of: 'rows that are of no use any more; the ceiling is that of each table',
    waiting: PRUNED.map(
      ([table, column, days]) => `select 1 from ${table} where ${column} < ${before(days * DAY_MS)}`,
    ).join(' union all '),
    amount: BATCH_ROWS * MAX_BATCHES,
  },
}

/** Counting stops here, so that a long queue costs no more to inspect. */
export const MAX_COUNTED = 10_000
/** If one run processes more than that, counting continues to one beyond the run's amount, up to here. */
const MAX_COUNTED_BEYOND = 25_000

/** Where counting the backlog of a job stops. */
export function countsUpTo(job: string): number {
  const beyond = (WORK[job]?.amount ?? 0) + 1
  return beyond > MAX_COUNTED && beyond <= MAX_COUNTED_BEYOND ? beyond : MAX_COUNTED
}

const COUNTS = Object.entries(WORK).flatMap(([job, { waiting }]) =>
  waiting === undefined
    ? []
    : [`(select count(*)::int from (${waiting} limit ${countsUpTo(job)}) as waiting) as "${job}"`],
)

/** The backlog of each job at a moment, up to {@link countsUpTo}; without jobs for which nothing waits in Postgres. */
export async function countBacklogs({ sql }: Deps, at: number): Promise<Readonly<Record<string, number>>> {
  const [row] = await sql.query(`select ${COUNTS.join(', ')}`, [new Date(at).toISOString()])
  return row ?? {}
}
