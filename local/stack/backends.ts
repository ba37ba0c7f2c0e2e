import type { Database } from './database.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { connectRedis, type RedisBackend } from './redis.ts'
import { startValkey } from './valkey.ts'

export interface Backends {
  database: Database
  redis: RedisBackend
  /** Another database of the same server, for what is tested over several. Connected to when it is first asked for. */
  secondRedis(): Promise<RedisBackend>
  close(): Promise<void>
}

interface Places {
  databaseUrl?: string
  redisUrl?: string
  dataDir?: string
}

/**
 * Opens the database and the Redis, the given ones or those inside this process, both at once.
 *
 * @throws the first failure, once whatever did open is closed again
 */
export async function openBackends({ databaseUrl, redisUrl, dataDir }: Places): Promise<Backends> {
  const [database, redis] = await Promise.allSettled([
    databaseUrl ? openPostgres(databaseUrl) : openPglite(dataDir),
    redisUrl ? connectServer(redisUrl) : startServer(),
  ])
  if (database.status === 'fulfilled' && redis.status === 'fulfilled') return join(database.value, redis.value)
  if (database.status === 'fulfilled') await database.value.close()
  if (redis.status === 'fulfilled') await redis.value.close()
  throw [database, redis].find((opened) => opened.status === 'rejected')?.reason
}

function join(database: Database, { redis, secondRedis, close }: Server): Backends {
  return { database, redis, secondRedis, close: async () => void (await Promise.all([database.close(), close()])) }
}

interface Server {
  readonly redis: RedisBackend
  secondRedis(): Promise<RedisBackend>
  close(): Promise<void>
}

async function connectServer(url: string): Promise<Server> {
  const redis = await connectRedis(url)
  let second: Promise<RedisBackend> | undefined
  const secondRedis = () => (second ??= connectRedis(nextDatabase(url)))
  const close = async () => void (await Promise.all([redis.close(), second?.then((opened) => opened.close())]))
  return { redis, secondRedis, close }
}

/** The address of the database after the one that an address names. */
function nextDatabase(address: string): string {
  const url = new URL(address)
  url.pathname = `/${Number(url.pathname.slice(1)) + 1}`
  return url.href
}

async function startServer(): Promise<Server> {
  const valkey = await startValkey()
  const server = await connectServer(valkey.url).catch(async (error) => {
    await valkey.stop()
    throw error
  })
  return { ...server, close: async () => void (await Promise.all([server.close(), valkey.stop()])) }
}
