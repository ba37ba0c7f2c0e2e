import type { Redis } from '@upstash/redis/cloudflare'
import { type Config, readConfig } from './config.ts'
import { openDatabase, openRedis, type Sql } from './db/client.ts'
import { TimeBudget } from './db/time-budget.ts'

/** What a use-case may touch outside itself. One per request; nothing in it is worth keeping longer. */
export interface Deps {
  readonly config: Config
  readonly sql: Sql
  readonly redis: Redis
  /** What all queries of a request have together; it is lifted once the answer is on its way. */
  readonly budget: TimeBudget
  /** Unix time in milliseconds, by this isolate's clock. */
  now(): number
  /** What is added to the clock of Redis, which rate limits go by; 0 but in tests that move time. */
  readonly redisAheadMs: number
  /** Lets work go on after the answer; the platform gives it 30 s. */
  defer(work: Promise<unknown>): void
}

/** The part of an execution context that Deps needs; the same for HTTP, RPC and cron. */
interface Context {
  waitUntil(work: Promise<unknown>): void
}

/** @throws Problem `misconfigured` when the environment is incomplete */
export function createDeps(env: object, context: Context): Deps {
  const config = readConfig(env)
  const budget = new TimeBudget(config.REQUEST_BUDGET_MS)
  let sql: Sql | undefined
  let redis: Redis | undefined
  return {
    config,
    get sql() {
      sql ??= openDatabase(config, budget) // most requests need neither: their key is in memory, their units in a lease
      return sql
    },
    get redis() {
      redis ??= openRedis(config, budget)
      return redis
    },
    budget,
    now: Date.now,
    redisAheadMs: 0,
    defer: (work) => context.waitUntil(work),
  }
}
