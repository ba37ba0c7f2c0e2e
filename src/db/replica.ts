import type { Config } from '../config.ts'
import { errorFields, logRepeated } from '../lib/log.ts'
import { openDatabase, type Sql } from './client.ts'
import type { TimeBudget } from './time-budget.ts'

/**
 * If the replica fails a batch within this time, in milliseconds, the primary runs it. The time is less than the statement
 * timeout of analytics, so a query that is too expensive for one is not repeated on the other.
 */
const ASK_AGAIN_WITHIN_MS = 2_000

/**
 * Opens the database for analytics: `DATABASE_REPLICA_URL`, or the primary if there is none. Data may be as old as the
 * replica's lag.
 *
 * Only batches go to the replica. If it fails at once, because it is unreachable, starting, or behind in migrations, the
 * primary answers instead.
 */
export function openReads(config: Config, budget: TimeBudget, primary: Sql): Sql {
  const { DATABASE_REPLICA_URL: url } = config
  if (url === undefined) return primary
  const replica = openDatabase({ ...config, DATABASE_URL: url }, budget)
  const transaction: Sql['transaction'] = async (...batch) => {
    const startedAt = Date.now()
    try {
      return await replica.transaction(...batch)
    } catch (error) {
      const ms = Date.now() - startedAt
      if (ms > ASK_AGAIN_WITHIN_MS) throw error
      logRepeated('warn', 'replica_failed', { ms, ...errorFields(error) })
      return primary.transaction(...batch)
    }
  }
  const { query, unsafe } = primary
  return Object.assign(primary.bind(null), { query, unsafe, transaction })
}
