import { openScriptFronts } from '../stack/fronts.ts'
import { type Connection, connect, through } from '../support/connect.ts'
import { isForStart } from './report.ts'
import { readSettings } from './settings.ts'

interface Stores extends Connection {
  /** The environment with which the Worker's code finds both. */
  readonly env: object
}

/**
 * Opens both stores for a script that runs the Worker's own code: with the Worker's variables, or with those of `npm start`, for
 * which this process opens its own services in front of the stores.
 *
 * @throws Error that names what is missing or wrong, never a value
 */
export async function openStores(env: NodeJS.ProcessEnv): Promise<Stores> {
  if (!isForStart(env)) return { ...(await connect(env)), env }
  const settings = readSettings(env)
  if ('faults' in settings)
    throw new Error(`Missing or wrong: ${settings.faults.map(({ variable }) => variable).join(', ')}.`)
  const { databaseUrl, redisUrl, redisShardUrls, worker } = settings
  const { url, endpoint, redis, close } = await openScriptFronts(databaseUrl, [redisUrl, ...redisShardUrls])
  const [first, ...shards] = redis
  return {
    env: {
      ...worker,
      DATABASE_URL: url,
      NEON_FETCH_ENDPOINT: endpoint,
      UPSTASH_REDIS_REST_URL: first?.url,
      UPSTASH_REDIS_REST_TOKEN: first?.token,
      REDIS_SHARDS: JSON.stringify(shards),
    },
    sql: through(url, endpoint).sql,
    close,
  }
}
