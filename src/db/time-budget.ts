import { Problem } from '../problems.ts'

/**
 * The total time that one request may wait. Each call's own timeout bounds one call; the budget bounds their sum, so
 * that a slow store fails the request in time, instead of using up one timeout after the other.
 */
export class TimeBudget {
  #endsAt: number

  constructor(ms: number) {
    this.#endsAt = Date.now() + ms
  }

  /**
   * @param ownMs the call's own timeout
   * @returns the timeout that the call gets
   * @throws Problem `unavailable` if no time is left: the call is not made
   */
  limit(ownMs: number): number {
    const leftMs = this.#endsAt - Date.now()
    if (leftMs <= 0) throw outOfTime()
    return Math.min(ownMs, leftMs)
  }

  /** A separate budget with the same end, for a request that is part of another one. */
  fork(): TimeBudget {
    const part = new TimeBudget(0)
    part.#endsAt = this.#endsAt
    return part
  }

  /** Ends the limit when the response is on its way. Work that continues after it has the 30 s of the platform. */
  lift(): void {
    this.#endsAt = Number.POSITIVE_INFINITY
  }

  /**
   * Waits for work as long as there is time. Calls to external services are not canceled; they complete in the
   * background.
   */
  async race<T>(work: Promise<T>): Promise<T> {
    const { promise: end, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(outOfTime()), this.#endsAt - Date.now())
    try {
      return await Promise.race([work, end])
    } finally {
      clearTimeout(timer)
    }
  }
}

const outOfTime = () => new Problem('unavailable', { detail: 'The request took too long; a store or service is slow.' })
