import { dropAuditPartitions, makeAuditPartitions } from '../audit/partitions.ts'
import { requireFeature } from '../config-features.ts'
import type { Sql } from '../db/client.ts'
import type { Deps } from '../deps.ts'
import { deliverDueWebhooks, deliverSlowWebhooks } from '../events/deliver.ts'
import { notifyExpiry } from '../events/expiry.ts'
import { lazily } from '../lib/lazily.ts'
import { errorFields, log } from '../lib/log.ts'
import { toMonth } from '../lib/period.ts'
import { deliverDueMail } from '../mail/outbox.ts'
import { compactHours } from '../metering/compact-hours.ts'
import { completeWaiting } from '../metering/complete-waiting.ts'
import { foldPlatformUsage } from '../metering/fold-platform.ts'
import { reconcileQuotas } from '../metering/reconcile-counters.ts'
import { drainUsageSpool } from '../metering/spool.ts'
import { foldCounters } from '../metrics/flush.ts'
import { checkDomains } from '../organizations/domains/lapse.ts'
import { eraseOldData } from '../privacy/erase-old.ts'
import { eraseFromUsage } from '../privacy/erase-usage.ts'
import { checkUsageAlerts } from '../usage/alerts/job.ts'

const loadReconcile = lazily(() => import('../billing/reconcile/job.ts'))
const loadCredits = lazily(() => import('../billing/credits/job.ts'))
const loadOverage = lazily(() => import('../billing/overage/job.ts'))

/** Work that a cron trigger runs. Idempotent. The result of `run` becomes its log line. */
export interface Job {
  readonly name: string
  /** One of wrangler.toml's crons. */
  readonly cron: string
  /** It waits for external servers, so the jobs after it do not wait for its end. They must not need its results. */
  readonly runsBeside?: true
  run(deps: Deps, at: number): Promise<Record<string, unknown>>
}

const EVERY_MINUTE = '* * * * *'
/**
 * The same times, written differently: a separate trigger, and so an invocation with six connections of its own, which
 * slow receivers and providers may occupy.
 */
const EVERY_MINUTE_APART = '*/1 * * * *'
const HOURLY = '37 * * * *'
const DAILY = '17 3 * * *'
/** How often each cron of wrangler.toml is due. */
export const PERIOD_SECONDS: Readonly<Record<string, number>> = {
  [EVERY_MINUTE]: 60,
  [EVERY_MINUTE_APART]: 60,
  [HOURLY]: 3_600,
  [DAILY]: 86_400,
}
const DAY_MS = 24 * 3_600_000

/** Ids are kept longer than events may be late (35 days), so that none can count twice. */
const DEDUPE_DAYS = 36
/** Rows per delete statement, and statements per hourly run and table: twelve million rows a day. */
export const BATCH_ROWS = 20_000
export const MAX_BATCHES = 25

const drainSpool: Job = { name: 'drain-usage-spool', cron: EVERY_MINUTE, run: drainUsageSpool }

const complete: Job = { name: 'complete-requests', cron: EVERY_MINUTE, run: completeWaiting }

const reconcile: Job = { name: 'reconcile-quotas', cron: EVERY_MINUTE, run: reconcileQuotas }

/** The code of billing is loaded only when one of its jobs runs. */
const reconcilePayments: Job = {
  name: 'reconcile-billing',
  cron: HOURLY,
  runsBeside: true,
  async run(deps) {
    const { reconcileBilling } = await loadReconcile()
    return reconcileBilling(deps)
  },
}

const settleCredits: Job = {
  name: 'settle-credits',
  cron: EVERY_MINUTE,
  async run(deps, at) {
    const { runCredits } = await loadCredits()
    return runCredits(deps, at)
  },
}

const sendUsage: Job = {
  name: 'send-metered-usage',
  cron: EVERY_MINUTE_APART,
  runsBeside: true,
  async run(deps, at) {
    const { POLAR_ACCESS_TOKEN, STRIPE_SECRET_KEY } = deps.config
    if (!POLAR_ACCESS_TOKEN && !STRIPE_SECRET_KEY) return { recorded: 0 } // without loading the code of billing
    const { sendMeteredUsage } = await loadOverage()
    return sendMeteredUsage(deps, at)
  },
}

const deliverMail: Job = {
  name: 'deliver-mail',
  cron: EVERY_MINUTE,
  runsBeside: true,
  run: (deps) => deliverDueMail(deps),
}

const checkAlerts: Job = { name: 'check-usage-alerts', cron: EVERY_MINUTE, run: checkUsageAlerts }

const checkOwnDomains: Job = { name: 'check-domains', cron: HOURLY, runsBeside: true, run: checkDomains }

const tellOfExpiry: Job = { name: 'tell-expiry', cron: EVERY_MINUTE, run: notifyExpiry }

const deliverWebhooks: Job = {
  name: 'deliver-webhooks',
  cron: EVERY_MINUTE,
  runsBeside: true,
  run: (deps) => deliverDueWebhooks(deps),
}

const deliverSlow: Job = {
  name: 'deliver-slow-webhooks',
  cron: EVERY_MINUTE_APART,
  runsBeside: true,
  run: (deps) => deliverSlowWebhooks(deps),
}

const eraseUsage: Job = { name: 'erase-from-usage', cron: EVERY_MINUTE, run: eraseFromUsage }

const foldUsage: Job = { name: 'fold-platform-usage', cron: EVERY_MINUTE, run: foldPlatformUsage }

const foldMetrics: Job = { name: 'fold-metrics', cron: HOURLY, run: foldCounters }

const makePartitions: Job = {
  name: 'make-usage-partitions',
  cron: DAILY,
  async run({ sql }, at) {
    const months = [0, 1, 2, 3].map(
      (ahead) => new Date(Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth() + ahead, 1)),
    )
    const names = months.map((month) => month.toISOString().slice(0, 10))
    const made = await sql.query(
      'select ensure_usage_partition(month::date) as made from unnest($1::text[]) as month',
      [names],
    )
    const ids = await sql.query(
      'select ensure_usage_dedupe_partition(usage_dedupe_generation($1::timestamptz) + ahead) as made from generate_series(0, 1) as ahead',
      [new Date(at).toISOString()],
    )
    return { made: [...made, ...ids].filter((row) => row.made).length }
  },
}

const dropPartitions: Job = {
  name: 'drop-usage-partitions',
  cron: DAILY,
  async run({ sql, config }, at) {
    const before = new Date(at - DEDUPE_DAYS * DAY_MS).toISOString()
    const ids = await sql.query(
      'select drop_usage_dedupe_before(usage_dedupe_generation($1::timestamptz)) as dropped',
      [before],
    )
    requireFeature(config, 'usage_retention') // drop no events rather than guess
    const keepFrom = toMonth(at - config.USAGE_RETENTION_DAYS * DAY_MS).name.replace('-', '_')
    const rows = await sql.query('select drop_usage_partitions_before($1) as dropped', [`usage_events_${keepFrom}`])
    return { dropped: (rows[0]?.dropped ?? 0) + (ids[0]?.dropped ?? 0) }
  },
}

const makeAudit: Job = { name: 'make-audit-partitions', cron: DAILY, run: makeAuditPartitions }

const dropAudit: Job = { name: 'drop-audit-partitions', cron: DAILY, run: dropAuditPartitions }

const compact: Job = { name: 'compact-hours', cron: HOURLY, run: compactHours }

const eraseOld: Job = { name: 'erase-old-data', cron: HOURLY, run: eraseOldData }

/**
 * Expired rows to delete: the table, its indexed time column, and how many days after that time. Largest table last.
 */
export const PRUNED = [
  ['idempotency_keys', 'expires_at', 0],
  ['login_challenges', 'expires_at', 1],
  ['sign_in_attempts', 'expires_at', 1],
  ['email_sign_ins', 'expires_at', 1],
  ['passkey_challenges', 'expires_at', 1],
  ['email_tokens', 'expires_at', 1],
  ['oauth_codes', 'expires_at', 1],
  ['oauth_devices', 'expires_at', 1],
  ['oauth_grants', 'expires_at', 1],
  ['oauth_clients', 'expires_at', 0],
  ['portal_sessions', 'expires_at', 1],
  ['invitations', 'expires_at', 36],
  ['mail_outbox', 'created_at', 30],
  ['webhook_deliveries', 'created_at', 30],
  ['sessions', 'expires_at', 36],
  ['usage_completions', 'created_at', DEDUPE_DAYS],
  ['usage_request_ids', 'created_at', DEDUPE_DAYS],
  ['usage_spool_receipts', 'created_at', 36],
  ['usage_verdicts', 'day', 400],
] as const

const prune: Job = {
  name: 'prune',
  cron: HOURLY,
  async run({ sql }, at) {
    const deleted: Record<string, number> = {}
    for (const [table, column, days] of PRUNED) {
      const before = new Date(at - days * DAY_MS).toISOString()
      try {
        deleted[table] = await pruneTable(sql, table, column, before)
      } catch (error) {
        log('error', 'table_not_pruned', { table, ...errorFields(error) }) // the others must still be pruned
      }
    }
    const left = PRUNED.flatMap(([table]) => (table in deleted ? [] : [table]))
    if (left.length > 0) throw new Error(`Not pruned: ${left.join(', ')}.`)
    return deleted
  },
}

/**
 * Deletes in batches small enough for the statement timeout, until a batch is not full or the run's maximum is reached.
 */
async function pruneTable(sql: Sql, table: string, column: string, before: string): Promise<number> {
  const statement = `delete from ${table} where ctid = any(array(select ctid from ${table} where ${column} < $1 limit ${BATCH_ROWS}))`
  let deleted = 0
  for (let count = 0; count < MAX_BATCHES; count++) {
    const { rowCount } = await sql.query(statement, [before], { fullResults: true })
    deleted += rowCount
    if (rowCount < BATCH_ROWS) break
  }
  return deleted
}

/**
 * In the order in which they run: a later job sends the events that an earlier one queued in the same minute. Emails
 * come first, because people wait for codes and must not wait for the other jobs. Emails that a job queues are sent a
 * minute later.
 */
export const JOBS: readonly Job[] = [
  deliverMail,
  drainSpool,
  complete,
  checkAlerts,
  settleCredits,
  tellOfExpiry,
  deliverWebhooks,
  deliverSlow,
  sendUsage,
  eraseUsage,
  reconcile,
  foldUsage,
  reconcilePayments,
  checkOwnDomains,
  foldMetrics,
  makePartitions,
  dropPartitions,
  makeAudit,
  dropAudit,
  compact,
  eraseOld,
  prune,
]
