import { sleep } from '../../lib/sleep.ts'
import { Problem } from '../../problems.ts'

/** Spreads out calls that were refused together. */
const JITTER_MS = 250

/**
 * Retries a call that the provider rate-limited, after the time it asked for. For jobs only: a customer's
 * request does not wait.
 *
 * @param end Unix milliseconds after which no attempt begins
 * @throws the error of the last attempt
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

/** @returns undefined if it is not a rate limit refusal */
function readWaitMs(error: unknown): number | undefined {
  const seconds = error instanceof Problem ? Number(error.extra.headers?.['Retry-After'] ?? Number.NaN) : Number.NaN
  return Number.isNaN(seconds) ? undefined : seconds * 1_000 + Math.random() * JITTER_MS
}
