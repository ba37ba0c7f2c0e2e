import type { Context } from 'hono'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { VERSION } from '../version.ts'
import type { AppEnv } from './env.ts'

/** What a store can do at this moment: all it is there for, only be read, take nothing more, or nothing at all. */
type State = 'connected' | 'read_only' | 'full' | 'unreachable'

interface Stores {
  readonly database: State
  readonly redis: State
}

/** Anyone may ask, as often as they like; an isolate asks its stores no more often than this. */
const CACHE_MS = 1_000
/** Written and gone again: that Redis answers says nothing about whether it takes writes. */
const PROBE = 'health:probe'
const PROBE_S = 60

/** Of the configuration that was asked for last. */
let kept: { readonly until: number; readonly of: string; readonly stores: Stores } | undefined

/** Whether this deployment can do its work: 200 when both stores take writes, else 503 that names the one that does not. */
export async function health(c: Context<AppEnv>): Promise<Response> {
  const { deps } = c.var
  const stores = await findStores(deps)
  const isHealthy = Object.values(stores).every((state) => state === 'connected')
  return c.json({ ...identity(deps, isHealthy), ...stores }, isHealthy ? 200 : 503)
}

/** Whether the isolate runs at all; asks nobody. */
export function live(c: Context<AppEnv>): Response {
  return c.json(identity(c.var.deps, true))
}

const identity = (deps: Deps, isHealthy: boolean) => ({
  status: isHealthy ? 'healthy' : 'unhealthy',
  service: deps.config.SERVICE_NAME,
  version: VERSION,
})

async function findStores(deps: Deps): Promise<Stores> {
  const of = addressesIn(deps.config)
  if (kept?.of === of && deps.now() < kept.until) return kept.stores
  const [database, redis] = await Promise.all([
    look('database', () => askDatabase(deps)),
    look('redis', () => askRedis(deps)),
  ])
  kept = { until: deps.now() + CACHE_MS, of, stores: { database, redis } }
  return kept.stores
}

const addressesIn = ({ DATABASE_URL, NEON_FETCH_ENDPOINT, UPSTASH_REDIS_REST_URL }: Config) =>
  [DATABASE_URL, NEON_FETCH_ENDPOINT, UPSTASH_REDIS_REST_URL].join('\n')

async function askDatabase({ sql }: Deps): Promise<State> {
  const [row] = await sql.query("select current_setting('transaction_read_only') as read_only") // on in a replica as well
  return row?.read_only === 'on' ? 'read_only' : 'connected'
}

async function askRedis({ redis }: Deps): Promise<State> {
  await redis.set(PROBE, 1, { ex: PROBE_S })
  return 'connected'
}

async function look(part: string, ask: () => Promise<State>): Promise<State> {
  try {
    const state = await ask()
    if (state !== 'connected') log('error', 'health_check_failed', { part, state })
    return state
  } catch (error) {
    const state = classifyRefusedWrite(error)
    log('error', 'health_check_failed', { part, state, ...errorFields(error) })
    return state
  }
}

/** By the words that Redis begins such errors with; the client puts its own around them. */
function classifyRefusedWrite(error: unknown): State {
  const text = error instanceof Error ? error.message : ''
  if (/\bOOM\b|capacity quota|max database size/.test(text)) return 'full'
  return /\b(READONLY|MISCONF|NOPERM|NOREPLICAS)\b/.test(text) ? 'read_only' : 'unreachable'
}
