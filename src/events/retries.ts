/**
 * Seconds until the next attempt, after the first, second … failure: eight attempts in about 21 hours. Each is stretched
 * by up to a fifth, by chance, so that what failed together does not come back together.
 */
const BACK_OFF_SECONDS = [30, 120, 600, 1_800, 7_200, 21_600, 43_200]

/** @param attempts how many were made, of which the last may not be the last of all */
export const backOffSeconds = (attempts: number) => (BACK_OFF_SECONDS[attempts - 1] ?? 0) * (1 + Math.random() / 5)

/** @param attempts how many were made */
export const isLastAttempt = (attempts: number) => attempts > BACK_OFF_SECONDS.length

/** An endpoint that so many events in a row could not be delivered to is switched off. */
export const MAX_FAILED_EVENTS = 5
