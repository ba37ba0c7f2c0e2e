import type { Database } from './database.ts'
import { openPglite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import { connectRedis, type RedisBackend } from './redis.ts'
import { startValkey } from './valkey.ts'

export interface Backends {
  database: Database
  redis: RedisBackend
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
    redisUrl ? connectRedis(redisUrl) : connectValkey(),
  ])
  if (database.status === 'fulfilled' && redis.status === 'fulfilled') return join(database.value, redis.value)
  if (database.status === 'fulfilled') await database.value.close()
  if (redis.status === 'fulfilled') await redis.value.close()
  throw [database, redis].find((opened) => opened.status === 'rejected')?.reason
}

function join(database: Database, redis: RedisBackend): Backends {
  return { database, redis, close: async () => void (await Promise.all([database.close(), redis.close()])) }
}

async function connectValkey(): Promise<RedisBackend> {
  const valkey = await startValkey()
  const redis = await connectRedis(valkey.url).catch(async (error) => {
    await valkey.stop()
    throw error
  })
  return { ...redis, close: async () => void (await Promise.all([redis.close(), valkey.stop()])) }
}
