import type { Redis } from '@upstash/redis/cloudflare'
import type { BatchItem } from 'drizzle-orm/batch'
import { type Config, readConfig } from './config.ts'
import { openDatabase, openRedis, type Sql } from './db/client.ts'
import type { Database } from './db/orm.ts'
import { TimeBudget } from './db/time-budget.ts'
import type { UsageEvent } from './metering/event.ts'

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
  /** Tells webhook endpoints of refusals by rate limits, once they are written. */
  tellRefusals(refusals: readonly UsageEvent[]): Promise<void>
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
    async tellRefusals(refusals) {
      const { tellRefusals } = await import('./events/refusals.ts') // its modules are no part of a cold start
      await tellRefusals(this, refusals)
    },
  }
}

/** Where a request comes from, for limits, sessions and the audit log. */
export interface Origin {
  readonly requestId: string
  /** As the platform tells it, or a back end with a service key; undefined only where there is no edge in front. */
  readonly ip: string | undefined
  /** The service key that named the address, where one did. */
  readonly addressBy?: string
  /** Cut to 500 characters. */
  readonly userAgent: string | undefined
}

/** Deps of the management API: everything outside key verification may also use drizzle. */
export interface ManagementDeps extends Deps {
  readonly db: Database
  readonly origin: Origin
  /** Set where the request has an `Idempotency-Key`. */
  readonly repeats?: Repeats
}

/** The Redis key that holds a row's version, and the version the row has now. */
export interface RowVersion {
  readonly name: string
  readonly version: number
}

/** How a request with an `Idempotency-Key` is kept from having its effect twice. */
export interface Repeats {
  keep(status: number, body: object | null, announcements: readonly RowVersion[]): Promise<BatchItem<'pg'>[]>
}
