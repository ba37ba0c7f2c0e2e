import { setTimeout as wait } from 'node:timers/promises'

/** Half a minute in total: wrangler restarts the Worker within seconds. */
const WAITS_MS = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000]

interface Answer {
  readonly status: number
  readonly text: string
  /** Whether an earlier attempt may have had its effect. */
  readonly isRepeat: boolean
}

/**
 * Repeats a request while the connection is lost or a 503 says that something is not up yet: wrangler's server restarts
 * the Worker whenever a file changes, and drops requests in progress. Only for requests that are safe to repeat.
 *
 * @returns the first other answer, including refusals, or the last 503
 * @throws TypeError if the connection is lost at the last attempt as well
 */
export async function untilAnswered(url: string, init: RequestInit = {}): Promise<Answer> {
  for (let attempt = 0; ; attempt++) {
    const waitMs = WAITS_MS[attempt]
    try {
      const response = await fetch(url, init)
      const text = await response.text() // may be cut off as well
      if (response.status !== 503 || waitMs === undefined)
        return { status: response.status, text, isRepeat: attempt > 0 }
    } catch (error) {
      if (waitMs === undefined) throw error
    }
    await wait(waitMs)
  }
}
