/** The local stack in a separate process, so that its CPU time is not taken from the client that measures. */
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
