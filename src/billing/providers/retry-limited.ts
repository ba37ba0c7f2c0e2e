import { sleep } from '../../lib/sleep.ts'
import { Problem } from '../../problems.ts'

/** Calls that were refused together do not come again together. */
const JITTER_MS = 250

/**
 * Repeats a call that the provider refused for its rate, after the time for which it asked. For jobs: a request of a
 * customer does not wait.
 *
 * @param end Unix milliseconds after which no attempt begins
 * @throws what the last attempt threw
 */
export async function retryLimited<T>(end: number, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const waitMs = readWaitMs(error)
      if (waitMs === undefined || Date.now() + waitMs >= end) throw error
      await sleep(waitMs)
    }
  }
}

/** @returns undefined for what is no refusal for the rate */
function readWaitMs(error: unknown): number | undefined {
  const seconds = error instanceof Problem ? Number(error.extra.headers?.['Retry-After'] ?? Number.NaN) : Number.NaN
  return Number.isNaN(seconds) ? undefined : seconds * 1_000 + Math.random() * JITTER_MS
}
