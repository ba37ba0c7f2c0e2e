import type { Redis } from '@upstash/redis/cloudflare'
import { type Config, readConfig } from './config.ts'
import { openDatabase, openRedis, type Sql } from './db/client.ts'

/** What a use-case may touch outside itself. One per request; nothing in it is worth keeping longer. */
export interface Deps {
  readonly config: Config
  readonly sql: Sql
  readonly redis: Redis
  /** Unix time in milliseconds. */
  now(): number
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
  return {
    config,
    sql: openDatabase(config),
    redis: openRedis(config),
    now: Date.now,
    defer: (work) => context.waitUntil(work),
  }
}
