import type { Deps } from '../deps.ts'

const MAX_TRIES = 3
/** After all attempts of one request failed, the others to that database try once each: an outage must not triple the load. */
const CALM_MS = 250

/** Unix milliseconds, by database: that one is away costs the others no attempt. */
const calmUntilMs: number[] = []

/**
 * Retries a call to Redis whose answer was lost, within half of the time that a round trip may take. A reset connection
 * or a server error costs a moment; a slow Redis is not called twice.
 *
 * What the lost attempt took stays taken, so a retry can only admit fewer units than the limit. The windows and lanes
 * of the counters correct themselves (docs/internals/decisions/0008).
 *
 * @param organizationId whose counters these are; `undefined` for those of nobody
 * @param work called with true for the first attempt
 * @throws what the last attempt throws
 */
export async function retryLost<Result>(
  deps: Deps,
  organizationId: string | undefined,
  work: (isFirst: boolean) => Promise<Result>,
): Promise<Result> {
  const place = deps.redis.findPlace(organizationId)
  const until = Date.now() + deps.config.REDIS_TIMEOUT_MS / 2
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt === 1)
    } catch (error) {
      const now = Date.now()
      if (attempt < MAX_TRIES && now < until && now >= (calmUntilMs[place] ?? 0)) continue
      if (attempt === MAX_TRIES) calmUntilMs[place] = now + CALM_MS
      throw error
    }
  }
}
