import { readConfig } from './config.ts'
import { openDatabase, type Sql } from './db/client.ts'
import { RedisDatabases } from './db/redis-databases.ts'
import { openReads } from './db/replica.ts'
import { TimeBudget } from './db/time-budget.ts'
import type { Dataset, Deps } from './deps.ts'
import { lazily } from './lib/lazily.ts'
import { errorFields, log } from './lib/log.ts'
import type { UsageEvent } from './metering/event.ts'
import type { UsageQueue } from './metering/queue.ts'

/** The part of an execution context that Deps needs. It is the same for HTTP, RPC and cron. */
interface Context {
  waitUntil(work: Promise<unknown>): void
}

/** Its modules are no part of a cold start. */
const loadRefusals = lazily(() => import('./events/refusals.ts'))
const loadPricing = lazily(() => import('./usage/pricing/price-events.ts'))

/** @throws Problem `misconfigured` if the environment is incomplete */
export function createDeps(env: object, context: Context): Deps {
  const config = readConfig(env)
  const budget = new TimeBudget(config.REQUEST_BUDGET_MS)
  let sql: Sql | undefined
  let redis: RedisDatabases | undefined
  return {
    config,
    get sql() {
      // most requests need neither: the key is cached, and its units come from a lease
      sql ??= openDatabase(config, budget)
      return sql
    },
    get reads() {
      return openReads(config, budget, this.sql)
    },
    get redis() {
      redis ??= new RedisDatabases(config, budget)
      return redis
    },
    budget,
    get dataset() {
      return findBinding(env, 'METRICS') as Dataset | undefined // only the flush of the metrics asks
    },
    get usageQueue() {
      return findBinding(env, 'USAGE_QUEUE') as UsageQueue | undefined
    },
    now: Date.now,
    redisAheadMs: 0,
    defer: (work) => context.waitUntil(work),
    notifyRefusals(refusals) {
      this.defer(notifyOrLog(this, refusals))
    },
    async priceUsage(events) {
      if (!events.some(({ model, cost_usd }) => model && cost_usd === undefined)) return events
      return (await loadPricing()).priceEvents(this, events)
    },
  }
}

function findBinding(env: object, name: string): object | undefined {
  const bound: unknown = Reflect.get(env, name)
  return typeof bound === 'object' && bound !== null ? bound : undefined
}

/** Best effort: endpoints are notified of the next refusal. */
async function notifyOrLog(deps: Deps, refusals: readonly UsageEvent[]): Promise<void> {
  try {
    const { notifyRefusals } = await loadRefusals()
    await notifyRefusals(deps, refusals)
  } catch (error) {
    log('warn', 'refusals_not_notified', errorFields(error))
  }
}
