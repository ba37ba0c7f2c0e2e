import type { BatchItem } from 'drizzle-orm/batch'
import type { Config } from './config.ts'
import type { Sql } from './db/client.ts'
import type { Database } from './db/orm.ts'
import type { RedisDatabases } from './db/redis-databases.ts'
import type { TimeBudget } from './db/time-budget.ts'
import type { UnattributedEvent, UsageEvent } from './metering/event.ts'
import type { UsageQueue } from './metering/queue.ts'

/** Everything outside itself that a use-case may use. One per request; nothing in it should be kept longer. */
export interface Deps {
  readonly config: Config
  readonly sql: Sql
  /** What analytics read from: a replica if there is one, which may lag behind. Batches only. */
  readonly reads: Sql
  readonly redis: RedisDatabases
  /** The total time of a request's queries. It is lifted once the answer is on its way. */
  readonly budget: TimeBudget
  /** Unix time in milliseconds, by this isolate's clock. */
  now(): number
  /** Added to the clock of Redis, which rate limits use. 0, except in tests that move time. */
  readonly redisAheadMs: number
  /** Continues work after the answer. The platform gives it 30 s. */
  defer(work: Promise<unknown>): void
  /** Tells webhook endpoints of refusals by rate limits that were written, after the answer. Never fails. */
  notifyRefusals(refusals: readonly UsageEvent[]): void
  /** Cloudflare's Analytics Engine, where it is bound as `METRICS`. */
  readonly dataset?: Dataset | undefined
  /** Where usage is sent before it is written, if a queue is bound as `USAGE_QUEUE`. */
  readonly usageQueue?: UsageQueue | undefined
  /** Gives events that use a model without a cost theirs. Throws where prices cannot be read. */
  priceUsage<E extends UnattributedEvent | UsageEvent>(events: readonly E[]): Promise<readonly E[]>
}

/** The part of an Analytics Engine binding that Deps needs. Writing a point neither waits nor fails. */
export interface Dataset {
  writeDataPoint(point: { indexes: string[]; doubles: number[] }): void
}

/** Where a request comes from. Limits, sessions and the audit log use it. */
export interface Origin {
  readonly requestId: string
  /** Of the caller's `traceparent` (W3C Trace Context), if the request has a valid one. For log lines. */
  readonly traceId?: string | undefined
  /** As reported by the platform, or by a back end with a service key. Undefined only without an edge in front. */
  readonly ip: string | undefined
  /** The service key that named the address, if one did. */
  readonly addressBy?: string
  /** Cut to 500 characters. */
  readonly userAgent: string | undefined
}

/** Deps of the management API: everything outside key verification may also use drizzle. */
export interface ManagementDeps extends Deps {
  readonly db: Database
  readonly origin: Origin
  /** Set if the request has an `Idempotency-Key`. */
  readonly repeats?: Repeats
}

/** The Redis key of a row's version, and the row's current version. */
export interface RowVersion {
  readonly name: string
  readonly version: number
}

/** How a request with an `Idempotency-Key` has its effect only once. */
export interface Repeats {
  keep(status: number, body: object | null, announcements: readonly RowVersion[]): Promise<BatchItem<'pg'>[]>
}
