import { Redis } from 'ioredis'

/** Removes what earlier runs left of Tollgate's own limits in a Redis that outlives them: some tests share a subject. */
export async function forgetLimits(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl)
  try {
    for await (const keys of redis.scanStream({ match: 'rate:policy:*', count: 1_000 })) {
      if (keys.length > 0) await redis.unlink(...keys)
    }
  } finally {
    redis.disconnect()
  }
}
