/** `npm run after-restore`: see HELP. */
import { carryRows, type Restore } from './restore/carry-rows.ts'
import { carryUsage } from './restore/carry-usage.ts'
import { eraseSubjects } from './restore/erase-subjects.ts'
import { forgetCounters } from './restore/forget.ts'
import { PARTS, type Part } from './restore/parts.ts'
import { REMOVALS } from './restore/removals.ts'
import { removeBegun, removeRows } from './restore/remove-rows.ts'
import { ROWS, USAGE_TABLES } from './restore/tables.ts'
import { readArguments } from './support/arguments.ts'
import { command } from './support/command.ts'
import { connect } from './support/connect.ts'
import { openRedis } from './support/redis-command.ts'

const HELP = `Usage: npm run after-restore -- --moment 2026-11-28T10:00:00Z [--without new,usage] [--forget-counters]

Carries what happened since the moment from the database as it was into the one that was restored to that moment, and leaves
alone what was destroyed otherwise than by Tollgate. It can be repeated: nothing counts or is sent twice (docs/operate/runbooks.md).
  new      users, organizations, members, keys, webhook endpoints, passkeys, identities, single sign-on, domains, plans, prices that
           were made since, and answers that repeats of a request get
  access   keys revoked, users disabled, passwords and addresses changed, roles, secrets, what directories sent, sessions, tokens of
           applications, links that were used
  removed  what Tollgate itself removed since, by the audit log: accounts, organizations, members, credentials, single sign-on,
           domains, directories, routes, prices, subjects of usage
  usage    every usage event, exactly once, with all its sums
  billing  overage that was charged already, and webhooks of the payment providers, to be handled again
  sent     emails and webhooks that were sent, alerts that were raised
  audit    the audit log
--without leaves parts out. --forget-counters deletes what Redis derived from the former database; do that after the deployment
has the restored one. Environment: DATABASE_URL, the restored database; FORMER_DATABASE_URL, the database as it was; for
--forget-counters UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN (and REDIS_SHARDS), or REDIS_URL (and REDIS_SHARD_URLS).`

/** The moment refers to the end of transactions; rows contain when they began. */
const MARGIN_MS = 10 * 60_000

await command(async function afterRestore() {
  const { values } = readArguments({
    moment: { type: 'string' },
    without: { type: 'string' },
    'forget-counters': { type: 'boolean' },
  })
  if (values.help) return console.log(HELP)
  const moment = readMoment(values.moment)
  const parts = readParts(values.without)
  const { FORMER_DATABASE_URL, FORMER_NEON_FETCH_ENDPOINT } = process.env
  if (!FORMER_DATABASE_URL) throw new Error('FORMER_DATABASE_URL is not set. It names the database as it was.')
  if (FORMER_DATABASE_URL === process.env.DATABASE_URL)
    throw new Error('DATABASE_URL and FORMER_DATABASE_URL name the same database.')
  const restored = await connect(process.env)
  const former = await connect({
    DATABASE_URL: FORMER_DATABASE_URL,
    ...(FORMER_NEON_FETCH_ENDPOINT && { NEON_FETCH_ENDPOINT: FORMER_NEON_FETCH_ENDPOINT }),
  })
  try {
    const since = new Date(moment - MARGIN_MS).toISOString()
    await carry({ former: former.sql, restored: restored.sql, since, moment: new Date(moment).toISOString() }, parts)
    if (values['forget-counters']) await forget()
  } finally {
    await Promise.all([restored.close(), former.close()])
  }
})

async function carry(restore: Restore, parts: readonly Part[]): Promise<void> {
  await requireSameSchema(restore)
  for (const removal of REMOVALS) {
    if (!parts.includes(removal.part)) continue
    const removed = await removeRows(restore, removal)
    if (removed > 0) console.log(`${removal.part}: ${removal.table}: ${removed} removed`)
  }
  if (parts.includes('access')) console.log(`access: ${await removeBegun(restore)} sign-ins under way ended`)
  for (const rows of ROWS) {
    if (!parts.includes(rows.part)) continue
    const { inserted, updated } = await carryRows(restore, rows)
    console.log(`${rows.part}: ${rows.table}: ${inserted} added, ${updated} changed`)
  }
  if (parts.includes('removed')) console.log(`removed: ${await eraseSubjects(restore)} subjects of usage erased`)
  if (parts.includes('usage')) console.log(`usage: ${await carryUsage(restore)} events counted`)
  await listActions(restore)
}

/** A restored row must have the columns of the former one. */
async function requireSameSchema({ former, restored }: Restore): Promise<void> {
  const columns = `select string_agg(table_name || '.' || column_name, ' ' order by table_name, column_name) as all
    from information_schema.columns where table_schema = 'public' and table_name = any($1)`
  const tables = [...new Set([...ROWS, ...REMOVALS].map(({ table }) => table)), ...USAGE_TABLES]
  const [[own], [other]] = await Promise.all([restored.query(columns, [tables]), former.query(columns, [tables])])
  if (own?.all !== other?.all)
    throw new Error('The databases have different schemas. Run `npm run migrate -- up` for the restored one first.')
}

/** A person must judge changes that are not carried over: the audit log names them. */
async function listActions({ former, since }: Restore): Promise<void> {
  const rows = await former.query(
    `select action, count(*)::int as times from audit_logs where created_at >= $1 and result = 'success' group by 1 order by 1`,
    [since],
  )
  console.log('What was done since, by the audit log:')
  for (const { action, times } of rows) console.log(`  ${String(action)}: ${String(times)}`)
}

async function forget(): Promise<void> {
  const redis = await openRedis(process.env)
  try {
    let forgotten = 0
    for (const send of redis.databases) forgotten += await forgetCounters(send)
    console.log(`counters: ${forgotten} keys of Redis forgotten`)
  } finally {
    await redis.close()
  }
}

/** @throws Error if it is not a moment in the past with an offset */
function readMoment(text = ''): number {
  const time = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time) || time > Date.now())
    throw new Error(`--moment=${text} is not a moment of the past, such as 2026-11-28T10:00:00Z.`)
  return time
}

/** @throws Error that names the parts */
function readParts(without = ''): readonly Part[] {
  const left = without.split(',').filter(Boolean)
  const unknown = left.find((name) => !PARTS.some((part) => part === name))
  if (unknown !== undefined) throw new Error(`There is no part ${unknown}; there are ${PARTS.join(', ')}.`)
  return PARTS.filter((part) => !left.includes(part))
}
