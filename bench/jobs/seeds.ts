/** The work that the bench of the jobs prepares for each of them, and how much. */
import type { Deps } from '../../src/deps.ts'
import { uuidv7 } from '../../src/lib/uuid.ts'
import { type UsageEvent, VERIFICATION } from '../../src/metering/event.ts'
import { trySpool } from '../../src/metering/spool.ts'
import { writeUsage } from '../../src/metering/write.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const EVENTS_TOGETHER = 500
const OLD_DAYS = 440
const OLD_ADDRESS_DAYS = 40

interface Seed {
  readonly rows: number
  /** The things that are counted. */
  readonly of: string
  prepare(deps: Deps): Promise<unknown>
  /** The count that the job reports, if it differs from what was prepared. */
  readonly done?: string
}

const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

/** Adds organizations with distinct names. */
export async function addOrganizations({ sql }: Deps, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => uuidv7(Date.now()))
  await sql.query(
    `insert into organizations (id, name, slug, plan_id) select id, 'Bench', 'bench-' || id, 'enterprise' from unnest($1::uuid[]) as id`,
    [ids],
  )
  return ids
}

const toEvent = (organizationId: string, more: Partial<UsageEvent> = {}): UsageEvent => ({
  id: crypto.randomUUID(),
  organization_id: organizationId,
  occurred_at: ago(0),
  endpoint: '/v1/answers',
  api_calls: 1,
  ...more,
})

async function write(deps: Deps, events: readonly UsageEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += EVENTS_TOGETHER)
    await writeUsage(deps, events.slice(at, at + EVENTS_TOGETHER))
}

async function eachOf(deps: Deps, count: number, more: (place: number) => Partial<UsageEvent>): Promise<UsageEvent[]> {
  const ids = await addOrganizations(deps, Math.min(count, 100))
  return Array.from({ length: count }, (_, place) => toEvent(ids[place % ids.length] as string, more(place)))
}

async function completions(deps: Deps, rows: number): Promise<void> {
  const verified = await eachOf(deps, rows, () => ({ id: uuidv7(Date.now()), source: VERIFICATION, status_code: 200 }))
  await write(deps, verified)
  await deps.sql.query(
    `insert into usage_completions (organization_id, request_id, status_code, provider, model, route)
     select organization_id, id, 200, 'openai', 'gpt-4o', '' from jsonb_to_recordset($1::jsonb) as e(organization_id uuid, id text)`,
    [JSON.stringify(verified)],
  )
}

async function expiringKeys(deps: Deps, rows: number): Promise<void> {
  const [id] = await addOrganizations(deps, 1)
  await deps.sql.query(
    `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, scopes, expires_at, created_at)
     select gen_random_uuid(), $1, 'Bench', sha256(convert_to('bench ' || n, 'UTF8')), 'ck', 'ck_live_…', 'live', '{}', $3::timestamptz, now() - interval '2 days'
     from generate_series(1, $2::int) n`,
    [id, rows, ago(60_000)],
  )
  await deps.sql.query(
    `insert into webhook_endpoints (id, organization_id, url, secret) values (gen_random_uuid(), $1, 'https://hooks.example.com/', '\\x00')`,
    [id],
  )
}

async function openAlerts(deps: Deps, rows: number): Promise<void> {
  const ids = await addOrganizations(deps, rows)
  await deps.sql.query(
    `insert into usage_alerts (organization_id, meter, period_start, limit_value, threshold, used)
     select id, 'api_calls', date_trunc('month', now(), 'UTC'), 100, 80, 80 from unnest($1::uuid[]) as id`,
    [ids],
  )
}

async function expiredGrants(deps: Deps, rows: number): Promise<void> {
  const ids = await addOrganizations(deps, rows)
  await deps.sql.query(
    `with grants as (
       insert into credit_grants (id, organization_id, source, amount, remaining, expires_at)
       select gen_random_uuid(), id, 'admin', 5, 5, $2::timestamptz from unnest($1::uuid[]) as id
     )
     insert into credit_accounts (organization_id, granted, charged_before) select id, 5, 0 from unnest($1::uuid[]) as id`,
    [ids, ago(60_000)],
  )
}

async function erasable(deps: Deps, rows: number): Promise<void> {
  const [id = ''] = await addOrganizations(deps, 1)
  const person = () => ({ user_id: id, ip: '192.0.2.7', user_agent: 'bench' })
  await write(
    deps,
    Array.from({ length: rows }, () => ({ ...toEvent(id), ...person() })),
  )
  await deps.sql.query('insert into usage_erasures (organization_id, deleted_at) values ($1, $2)', [
    id,
    ago(2 * HOUR_MS),
  ])
}

async function pastHours(deps: Deps, hours: number): Promise<void> {
  const events = Array.from({ length: 20 }, () => hours).flatMap((count) =>
    Array.from({ length: count }, (_, at) => at),
  )
  await write(
    deps,
    await eachOf(deps, events.length, (place) => ({ occurred_at: ago(((events[place] ?? 0) + 2) * HOUR_MS) })),
  )
  await deps.sql.query("update usage_platform_progress set folded_until = date_trunc('hour', $1::timestamptz, 'UTC')", [
    ago((hours + 2) * HOUR_MS),
  ])
}

/** Hours older than the thirteen months in which they are kept, with five endpoints each. */
async function oldHours(deps: Deps, hours: number): Promise<void> {
  const firstMs = OLD_DAYS * DAY_MS
  const events = await eachOf(deps, hours * 100, (place) => ({
    occurred_at: ago(firstMs - Math.floor(place / 100) * HOUR_MS),
    endpoint: `/v1/answers/${place % 5}`,
  }))
  await write(deps, events)
  await deps.sql.query(`update usage_platform_progress set folded_until = date_trunc('hour', now(), 'UTC')`)
}

async function oldSessions({ sql }: Deps, rows: number): Promise<void> {
  const ids = Array.from({ length: rows }, () => uuidv7(Date.now() - OLD_ADDRESS_DAYS * DAY_MS))
  await sql.query(
    `with person as (
       insert into users (id, email, password_hash) values (gen_random_uuid(), 'bench-sessions@example.com', 'x') returning id
     )
     insert into sessions (id, user_id, ip, user_agent, created_at, expires_at)
     select s, person.id, '192.0.2.7', 'bench', $2::timestamptz, now() + interval '50 days' from unnest($1::uuid[]) as s, person`,
    [ids, ago(OLD_ADDRESS_DAYS * DAY_MS)],
  )
}

const counters = ({ sql }: Deps, rows: number) =>
  sql.query(
    `insert into metric_counters (isolate, flush, counters, written_at)
     select gen_random_uuid(), 1, '{"tollgate_leases_total": 1}', $2::timestamptz from generate_series(1, $1::int)`,
    [rows, ago(2 * HOUR_MS)],
  )

const oldIds = ({ sql }: Deps, rows: number) =>
  sql.query(
    `insert into usage_request_ids (organization_id, request_id, event_id, created_at)
     select gen_random_uuid(), n, n, $2::timestamptz from generate_series(1, $1::int) n`,
    [rows, ago(40 * DAY_MS)],
  )

const mails = ({ sql }: Deps, rows: number) =>
  sql.query(
    `insert into mail_outbox (id, recipient, subject, text, html, next_attempt_at)
     select gen_random_uuid(), 'bench' || n || '@example.com', 'Bench', 'Bench', 'Bench', now() from generate_series(1, $1::int) n`,
    [rows],
  )

const seed = (rows: number, of: string, prepare: (deps: Deps, rows: number) => Promise<unknown>): Seed => ({
  rows,
  of,
  prepare: (deps) => prepare(deps, rows),
})

/** By job. Webhook deliveries are measured separately, with their own receivers. */
export const SEEDS: Readonly<Record<string, Seed>> = {
  'drain-usage-spool': seed(20_000, 'events of 100 organizations', async (deps, rows) => {
    if (!(await trySpool(deps, await eachOf(deps, rows, () => ({}))))) throw new Error('Redis takes nothing.')
  }),
  'complete-requests': seed(1_000, 'reports', completions),
  'check-usage-alerts': seed(200, 'alerts of an organization each', openAlerts),
  'settle-credits': seed(2_000, 'organizations', expiredGrants),
  'tell-expiry': seed(2_000, 'keys with an endpoint', expiringKeys),
  'deliver-mail': seed(500, 'emails', mails),
  'erase-from-usage': seed(50_000, 'events', erasable),
  'reconcile-quotas': seed(2_000, 'usage periods', async (deps, rows) =>
    write(
      deps,
      (await addOrganizations(deps, rows)).map((id) => toEvent(id)),
    ),
  ),
  'fold-platform-usage': seed(240, 'hours of 100 organizations', pastHours),
  'compact-hours': {
    ...seed(72, 'hours of 100 organizations, in rows of hours', oldHours),
    done: 'rows',
  },
  'erase-old-data': seed(50_000, 'sessions', oldSessions),
  'fold-metrics': seed(10_000, 'isolates', counters),
  prune: seed(200_000, 'rows of `usage_request_ids`', oldIds),
}
