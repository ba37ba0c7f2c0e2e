import type { Deps } from '../deps.ts'

const MAX_TRIES = 3
/** After all attempts of one request failed, other requests to that database try only once: an outage must not triple the load. */
const CALM_MS = 250

/** How long after a lost response the requests of an isolate have markers. */
const UNSTEADY_MS = 60_000

/** Unix milliseconds, by database: an outage of one does not reduce the attempts of the others. */
const calmUntilMs: number[] = []
const lostAtMs: number[] = []

/** Whether a response was lost recently, so that the next ones may be as well. */
export const isUnsteady = (deps: Deps, organizationId: string | undefined): boolean =>
  Date.now() - (lostAtMs[deps.redis.findPlace(organizationId)] ?? 0) < UNSTEADY_MS

/**
 * Retries a call to Redis whose response was lost, within half of the round-trip timeout. A reset connection
 * or a server error is retried quickly; a slow Redis is not called twice.
 *
 * Units that the lost attempt took stay taken, unless a marker tells the next attempt (limits/outage/marked-admissions.ts). So a
 * retry can only admit fewer units than the limit.
 *
 * @param organizationId the owner of the counters; `undefined` if there is none
 * @param work called with true for the first attempt
 * @throws the error of the last attempt
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
      lostAtMs[place] = now
      if (attempt < MAX_TRIES && now < until && now >= (calmUntilMs[place] ?? 0)) continue
      if (attempt === MAX_TRIES) calmUntilMs[place] = now + CALM_MS
      throw error
    }
  }
}
