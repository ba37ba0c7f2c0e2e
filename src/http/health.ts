import type { Context } from 'hono'
import type { Config } from '../config.ts'
import type { Deps } from '../deps.ts'
import { errorFields, log } from '../lib/log.ts'
import { VERSION } from '../version.ts'
import type { AppEnv } from './env.ts'

/** The state of a store: fully available, read-only, out of space, or unreachable. */
type State = 'connected' | 'read_only' | 'full' | 'unreachable'

interface Stores {
  readonly database: State
  readonly redis: State
}

/** Anyone may call it at any rate. An isolate probes its stores no more often than this. */
const CACHE_MS = 1_000
/** A key that is written and expires. A read would not show whether Redis accepts writes. */
const PROBE = 'health:probe'
const PROBE_S = 60

/** The latest result, for the configuration it was probed with. */
let kept: { readonly until: number; readonly of: string; readonly stores: Stores } | undefined

/**
 * Whether this deployment works: 200 when both stores accept writes, else 503 with the name of the store that does not.
 */
export async function health(c: Context<AppEnv>): Promise<Response> {
  const { deps } = c.var
  const stores = await findStores(deps)
  const isHealthy = Object.values(stores).every((state) => state === 'connected')
  return c.json({ ...identity(deps, isHealthy), ...stores }, isHealthy ? 200 : 503)
}

/** Whether the isolate runs at all. Probes nothing. */
export function live(c: Context<AppEnv>): Response {
  return c.json(identity(c.var.deps, true))
}

/** The first fields of every health check. */
export const identity = (deps: Deps, isHealthy: boolean) => ({
  status: isHealthy ? 'healthy' : 'unhealthy',
  service: deps.config.SERVICE_NAME,
  version: VERSION,
})

/** Probes both stores, at most once a second. */
export async function findStores(deps: Deps): Promise<Stores> {
  const of = addressesIn(deps.config)
  if (kept?.of === of && deps.now() < kept.until) return kept.stores
  const [database, redis] = await Promise.all([probe('database', () => probeDatabase(deps)), probeRedis(deps)])
  kept = { until: deps.now() + CACHE_MS, of, stores: { database, redis } }
  return kept.stores
}

const addressesIn = ({ DATABASE_URL, NEON_FETCH_ENDPOINT, UPSTASH_REDIS_REST_URL, REDIS_SHARDS }: Config) =>
  [DATABASE_URL, NEON_FETCH_ENDPOINT, UPSTASH_REDIS_REST_URL, ...REDIS_SHARDS.map(({ url }) => url)].join('\n')

async function probeDatabase({ sql }: Deps): Promise<State> {
  // 'on' in a replica as well
  const [row] = await sql.query("select current_setting('transaction_read_only') as read_only")
  return row?.read_only === 'on' ? 'read_only' : 'connected'
}

/** If one of several databases fails, the check fails; the log says which one. */
async function probeRedis({ redis }: Deps): Promise<State> {
  const probes = redis.all.map((database, at) =>
    probe(at === 0 ? 'redis' : `redis-${at + 1}`, async () => {
      await database.set(PROBE, 1, { ex: PROBE_S })
      return 'connected'
    }),
  )
  return (await Promise.all(probes)).find((state) => state !== 'connected') ?? 'connected'
}

async function probe(part: string, ask: () => Promise<State>): Promise<State> {
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

/** Classifies by the error code that Redis puts first; the client wraps the message in text of its own. */
function classifyRefusedWrite(error: unknown): State {
  const text = error instanceof Error ? error.message : ''
  if (/\bOOM\b|capacity quota|max database size/.test(text)) return 'full'
  return /\b(READONLY|MISCONF|NOPERM|NOREPLICAS)\b/.test(text) ? 'read_only' : 'unreachable'
}
