/** The environment of a bench: stores with keys in them, and the variables with which a Worker finds them. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Counters } from '../local/stack/control.ts'
import { through } from '../local/support/connect.ts'
import { migrateUp } from '../local/support/migrations.ts'
import { ensureKey, seedFoundation, serviceKey } from '../local/support/seed-data.ts'
import { hashPassword } from '../src/accounts/passwords/hash.ts'
import type { Sql } from '../src/db/client.ts'
import { ormOver } from '../src/db/orm.ts'
import { sha256Hex } from '../src/lib/bytes.ts'
import { uuidv7 } from '../src/lib/uuid.ts'
import { describeKey, newKey } from '../src/verification/key-format.ts'
import { scratchDatabase } from '../test/support/scratch-database.ts'

const STACK = fileURLToPath(new URL('./bench-stack.ts', import.meta.url))
const ANY_URL = 'postgresql://postgres:local@localhost/postgres'
const KEYS_AT_ONCE = 5_000

export interface World {
  readonly stackUrl: string
  /** The address of a database of this world's own in the real Postgres, if one was given. */
  readonly databaseUrl: string | undefined
  readonly sql: Sql
  readonly serviceKey: string
  /** The variables of a Tollgate Worker. */
  readonly variables: Readonly<Record<string, string>>
  /** Issues keys of one new organization; limits are per key and minute, and per period. */
  issueKeys(count: number, limits: { perMinute: number; quota: number | null }): Promise<Holder>
  /** Creates this many people who can sign in. @returns a login body for each */
  registerPeople(count: number): Promise<readonly string[]>
  /** Delays the answers of each store by this many milliseconds. */
  delay(ms: Delays): Promise<void>
  /** The requests to the stores since the last call. */
  trips(): Promise<Trips>
  close(): Promise<void>
}

interface Delays {
  readonly redis: number
  readonly sql: number
}

interface Holder {
  readonly organizationId: string
  readonly keys: readonly string[]
}

export interface Trips {
  readonly sqlRequests: number
  readonly redisRequests: number
  /** Commands that Redis ran, including those inside scripts: each of them is billed. */
  readonly redisCommands: number
}

/** @param stores addresses of real ones; embedded ones if absent */
export async function openWorld(stores: {
  databaseUrl?: string | undefined
  redisUrl?: string | undefined
}): Promise<World> {
  const scratch = stores.databaseUrl ? await scratchDatabase(stores.databaseUrl) : undefined
  const { PATH, PGLITE_MIGRATED: PGLITE_SNAPSHOT, NODE_COMPILE_CACHE } = process.env
  const child = fork(STACK, {
    execArgv: ['--no-warnings'],
    env: { PATH, PGLITE_SNAPSHOT, NODE_COMPILE_CACHE, DATABASE_URL: scratch?.url, REDIS_URL: stores.redisUrl },
  })
  const stackUrl = await readUrl(child)
  const { sql } = through(ANY_URL, `${stackUrl}/sql`)
  await migrateUp(sql, undefined, () => undefined)
  const { platformId } = await seedFoundation(sql)
  return {
    stackUrl,
    databaseUrl: scratch?.url,
    sql,
    serviceKey: await ensureKey(ormOver(sql), serviceKey(platformId)),
    variables: toVariables(stackUrl),
    issueKeys: (count, limits) => issueKeys(sql, count, limits),
    registerPeople: (count) => registerPeople(sql, count),
    delay: (ms) => delay(stackUrl, ms),
    trips: countTrips(stackUrl),
    async close() {
      child.disconnect()
      await once(child, 'exit')
      await scratch?.drop()
    },
  }
}

async function readUrl(child: ChildProcess): Promise<string> {
  const early = once(child, 'exit').then(() => Promise.reject(new Error('The local stack ended at its start.')))
  const [url] = await Promise.race([once(child, 'message'), early])
  return String(url)
}

const toVariables = (stackUrl: string) => ({
  DATABASE_URL: ANY_URL,
  NEON_FETCH_ENDPOINT: `${stackUrl}/sql`,
  UPSTASH_REDIS_REST_URL: `${stackUrl}/redis`,
  UPSTASH_REDIS_REST_TOKEN: 'bench-redis-token',
  REDIS_TIMEOUT_MS: '5000', // a busy machine is slow, not down
  JWT_SECRET_KEY: 'bench-jwt-secret-of-at-least-32-bytes',
  SECRET_KEY: 'bench-root-secret-of-at-least-32-bytes',
  PUBLIC_URL: 'https://tollgate.test',
})

async function issueKeys(
  sql: Sql,
  count: number,
  { perMinute, quota }: { perMinute: number; quota: number | null },
): Promise<Holder> {
  const organizationId = uuidv7(Date.now())
  await sql.query(
    `insert into organizations (id, name, slug, plan_id, limit_overrides)
     values ($1, 'Bench', $2, $4, $3::jsonb)`,
    [
      organizationId,
      `bench-${organizationId}`,
      JSON.stringify({ rate_limit_per_minute: perMinute, ...(quota !== null && { api_calls: quota }) }),
      quota === null ? 'enterprise' : 'free', // the latter's quotas refuse, the former's only count
    ],
  )
  const keys = Array.from({ length: count }, () => newKey('ck', 'live'))
  for (let at = 0; at < count; at += KEYS_AT_ONCE)
    await insertKeys(sql, organizationId, keys.slice(at, at + KEYS_AT_ONCE))
  return { organizationId, keys }
}

async function insertKeys(sql: Sql, organizationId: string, keys: readonly string[]): Promise<void> {
  const rows = keys.map((key) => ({ id: uuidv7(Date.now()), hash: sha256Hex(key), hint: describeKey(key) }))
  await sql.query(
    `insert into api_keys (id, organization_id, name, key_hash, key_prefix, key_hint, environment, scopes)
     select id, $1, 'Bench', decode(hash, 'hex'), 'ck', hint, 'live', '{}'
     from jsonb_to_recordset($2::jsonb) as key(id uuid, hash text, hint text)`,
    [organizationId, JSON.stringify(rows)],
  )
}

async function registerPeople(sql: Sql, count: number): Promise<readonly string[]> {
  const password = 'correct horse battery'
  const people = Array.from({ length: count }, (_, at) => ({
    id: uuidv7(Date.now()),
    email: `bench-${at}-${crypto.randomUUID()}@example.com`,
  }))
  const rows = JSON.stringify(people)
  await sql.transaction([
    sql.query(
      `insert into users (id, email, password_hash, email_verified_at)
       select id, email, $2, now() from jsonb_to_recordset($1::jsonb) as person(id uuid, email text)`,
      [rows, await hashPassword(password)],
    ),
    sql.query(
      `insert into organizations (id, name, slug, is_personal, plan_id)
       select id, email, 'bench-' || id, true, 'free' from jsonb_to_recordset($1::jsonb) as person(id uuid, email text)`,
      [rows],
    ),
    sql.query(
      `insert into memberships (organization_id, user_id, role)
       select id, id, 'owner' from jsonb_to_recordset($1::jsonb) as person(id uuid)`,
      [rows],
    ),
  ])
  return people.map(({ email }) => JSON.stringify({ email, password }))
}

async function delay(stackUrl: string, delays: Delays): Promise<void> {
  const faults = `${stackUrl}/control/faults`
  await fetch(faults, { method: 'DELETE' })
  for (const [door, ms] of Object.entries(delays)) {
    if (ms === 0) continue
    const answer = await fetch(faults, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ door, kind: 'delay', value: ms }),
    })
    if (!answer.ok) throw new Error(`The stack takes no delay: ${await answer.text()}`)
  }
}

function countTrips(stackUrl: string): () => Promise<Trips> {
  let before = { sqlRequests: 0, redisRequests: 0, redisCommands: 0 }
  return async function trips() {
    const now = await readTrips(stackUrl)
    const since = {
      sqlRequests: now.sqlRequests - before.sqlRequests,
      redisRequests: now.redisRequests - before.redisRequests,
      redisCommands: now.redisCommands - before.redisCommands,
    }
    before = { ...now, redisRequests: now.redisRequests + 1 } // this request itself
    return since
  }
}

async function readTrips(stackUrl: string): Promise<Trips> {
  const counters = (await (await fetch(`${stackUrl}/control/counters`)).json()) as Counters
  const answer = await fetch(`${stackUrl}/redis`, {
    method: 'POST',
    headers: { Authorization: 'Bearer bench-redis-token', 'Content-Type': 'application/json' },
    body: JSON.stringify(['INFO', 'commandstats']),
  })
  const { result } = (await answer.json()) as { result: string }
  const calls = [...result.matchAll(/^cmdstat_(?!info|hello|client|select)\S+:calls=(\d+)/gm)].map(([, n]) => Number(n))
  return {
    sqlRequests: counters.sql.requests,
    redisRequests: counters.redis.requests,
    redisCommands: calls.reduce((sum, n) => sum + n, 0),
  }
}
