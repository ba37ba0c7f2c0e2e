import type { Deps } from '../deps.ts'

const MAX_TRIES = 3
/** After every try of one request failed, the others try once each: an outage must not become three times the load. */
const CALM_MS = 250

let calmUntilMs = 0

/**
 * Asks Redis again when an answer is lost, within half of the time that a round trip may take: a reset connection or an
 * error of the server costs a moment, and a slow Redis is not asked twice.
 *
 * What the lost try took stays taken, so a retry can only admit less than the limit. The windows and lanes of the counters
 * heal by themselves (docs/internals/decisions/0008).
 *
 * @param work called with true for the first try
 * @throws what the last try throws
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
