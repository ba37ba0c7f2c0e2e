import type { Database } from './database.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { connectRedis, type RedisBackend } from './redis.ts'
import { startValkey } from './valkey.ts'

export interface Backends {
  database: Database
  redis: RedisBackend
  /** Another database of the same server, for tests with several. Connected on first use. */
  secondRedis(): Promise<RedisBackend>
  close(): Promise<void>
}

interface Places {
  databaseUrl?: string
  redisUrl?: string
  dataDir?: string
  cluster?: Blob
}

/**
 * Opens the database and Redis, the given ones or embedded ones, both concurrently.
 *
 * @throws the first failure, after closing whatever did open
 */
export async function openBackends({ databaseUrl, redisUrl, dataDir, cluster }: Places): Promise<Backends> {
  const [database, redis] = await Promise.allSettled([
    databaseUrl ? openPostgres(databaseUrl) : openPglite(dataDir, cluster),
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
