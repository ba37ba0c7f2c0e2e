import { Problem } from '../problems.ts'

/**
 * The time that one request has for everything it waits for. Each call's own timeout bounds one call; this bounds their
 * sum, so that a slow store makes a request fail in time instead of letting it take one timeout after the other.
 */
export class TimeBudget {
  #endsAt: number

  constructor(ms: number) {
    this.#endsAt = Date.now() + ms
  }

  /**
   * @param ownMs the timeout that a call has by itself
   * @returns the timeout it gets
   * @throws Problem `unavailable` when nothing is left: the call is not made
   */
  limit(ownMs: number): number {
    const leftMs = this.#endsAt - Date.now()
    if (leftMs <= 0) throw outOfTime()
    return Math.min(ownMs, leftMs)
  }

  /** The answer is on its way: work that goes on after it has the 30 s of the platform. */
  lift(): void {
    this.#endsAt = Number.POSITIVE_INFINITY
  }

  /** Waits for work as long as there is time. Calls to others than the stores are not cut short: what they do is finished. */
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
