import type { Deps } from '../deps.ts'

const MAX_TRIES = 3
/** After all attempts of one request failed, the others try once each: an outage must not triple the load. */
const CALM_MS = 250

let calmUntilMs = 0

/**
 * Retries a call to Redis whose answer was lost, within half of the time that a round trip may take. A reset connection
 * or a server error costs a moment; a slow Redis is not called twice.
 *
 * What the lost attempt took stays taken, so a retry can only admit fewer units than the limit. The windows and lanes
 * of the counters correct themselves (docs/internals/decisions/0008).
 *
 * @param work called with true for the first attempt
 * @throws what the last attempt throws
 */
export async function retryLost<Result>(deps: Deps, work: (isFirst: boolean) => Promise<Result>): Promise<Result> {
  const until = Date.now() + deps.config.REDIS_TIMEOUT_MS / 2
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt === 1)
    } catch (error) {
      const now = Date.now()
      if (attempt < MAX_TRIES && now < until && now >= calmUntilMs) continue
      if (attempt === MAX_TRIES) calmUntilMs = now + CALM_MS
      throw error
    }
  }
}
