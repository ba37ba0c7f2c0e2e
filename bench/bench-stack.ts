/** The local stack in a process of its own, so that what it takes of a core is not taken from who asks and measures. */
import { startStack } from '../local/stack/stack.ts'

const { DATABASE_URL, REDIS_URL } = process.env

const stack = await startStack({
  port: 0,
  redisToken: 'bench-redis-token',
  ...(DATABASE_URL && { databaseUrl: DATABASE_URL }),
  ...(REDIS_URL && { redisUrl: REDIS_URL }),
})
process.send?.(stack.url)
process.once('disconnect', () => void stack.close().then(() => process.exit()))
