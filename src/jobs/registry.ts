import type { Deps } from '../deps.ts'
import { monthOf } from '../lib/period.ts'
import { deliverDueMail } from '../mail/outbox.ts'
import { drainUsageSpool } from '../usage/spool.ts'

/** Work that a cron trigger does. Twice is the same as once. What `run` returns becomes its log line. */
export interface Job {
  readonly name: string
  /** One of wrangler.toml's crons. */
  readonly cron: string
  run(deps: Deps, at: number): Promise<Record<string, unknown>>
}

const EVERY_MINUTE = '* * * * *'
const DAILY = '17 3 * * *'
const DAY_MS = 24 * 3_600_000

/** Ids are remembered longer than events may be late (35 days), so that none can count twice. */
const DEDUPE_DAYS = 36
/** Rows a single run deletes, so that no statement outgrows its timeout; the rest waits for the next day. */
const PRUNE_AT_MOST = 50_000

const drainSpool: Job = { name: 'drain-usage-spool', cron: EVERY_MINUTE, run: drainUsageSpool }

const deliverMail: Job = { name: 'deliver-mail', cron: EVERY_MINUTE, run: deliverDueMail }

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
    return { made: made.filter((row) => row.made).length }
  },
}

const dropPartitions: Job = {
  name: 'drop-usage-partitions',
  cron: DAILY,
  async run({ sql, config }, at) {
    const keepFrom = monthOf(at - config.USAGE_RETENTION_DAYS * DAY_MS).name.replace('-', '_')
    const rows = await sql.query('select drop_usage_partitions_before($1) as dropped', [`usage_events_${keepFrom}`])
    return { dropped: rows[0]?.dropped ?? 0 }
  },
}

/** What is of no use any more: each statement deletes by time, a bounded number of rows. */
const PRUNED = {
  usage_dedupe: `delete from usage_dedupe where ctid = any(array(select ctid from usage_dedupe where first_seen < $1 limit ${PRUNE_AT_MOST}))`,
  idempotency_keys: `delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where expires_at < $1 limit ${PRUNE_AT_MOST}))`,
  email_tokens: `delete from email_tokens where ctid = any(array(select ctid from email_tokens where expires_at < $1 limit ${PRUNE_AT_MOST}))`,
  mail_outbox: `delete from mail_outbox where ctid = any(array(select ctid from mail_outbox where created_at < $1 limit ${PRUNE_AT_MOST}))`,
  login_challenges: `delete from login_challenges where ctid = any(array(select ctid from login_challenges where expires_at < $1 limit ${PRUNE_AT_MOST}))`,
  sessions: `delete from sessions where ctid = any(array(select ctid from sessions where expires_at < $1 limit ${PRUNE_AT_MOST}))`,
} as const

const prune: Job = {
  name: 'prune',
  cron: DAILY,
  async run({ sql }, at) {
    const before = new Date(at - DEDUPE_DAYS * DAY_MS).toISOString()
    const results = await sql.transaction(
      Object.values(PRUNED).map((statement) => sql.query(statement, [before])),
      { fullResults: true },
    )
    return Object.fromEntries(Object.keys(PRUNED).map((table, index) => [table, results[index]?.rowCount ?? 0]))
  },
}

export const JOBS: readonly Job[] = [drainSpool, deliverMail, makePartitions, dropPartitions, prune]
