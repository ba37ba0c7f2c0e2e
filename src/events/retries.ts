/**
 * Seconds until the next attempt, after the first, second … failure: eight attempts in about 21 hours. Each is extended
 * by a random jitter of up to a fifth, so that deliveries that failed together are not retried together.
 */
const BACK_OFF_SECONDS = [30, 120, 600, 1_800, 7_200, 21_600, 43_200]

/** @param attempts the number of attempts so far, not including the last possible one */
export const backOffSeconds = (attempts: number) => (BACK_OFF_SECONDS[attempts - 1] ?? 0) * (1 + Math.random() / 5)

/** @param attempts the number of attempts so far */
export const isLastAttempt = (attempts: number) => attempts > BACK_OFF_SECONDS.length

/** After this many consecutive undelivered events, an endpoint is disabled. */
export const MAX_FAILED_EVENTS = 5
