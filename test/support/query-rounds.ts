import { vi } from 'vitest'

/**
 * Counts the requests to the database that wait for one another while `work` runs: what a slow database multiplies.
 * Requests that are under way at the same time count once. What is deferred until after the answer does not count.
 */
export async function countQueryRounds<T>(work: () => Promise<T>): Promise<{ rounds: number; result: T }> {
  const real = globalThis.fetch
  let completedRounds = 0
  let rounds = 0
  const spy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const isQuery = String(input instanceof Request ? input.url : input).includes('/sql')
    if (!isQuery || isDeferred(init?.body)) return real(input, init)
    const round = completedRounds + 1
    rounds = Math.max(rounds, round)
    try {
      return await real(input, init)
    } finally {
      completedRounds = Math.max(completedRounds, round)
    }
  })
  try {
    const result = await work()
    return { rounds, result }
  } finally {
    spy.mockRestore()
  }
}

/**
 * Emails and webhooks are sent after an answer, and then their rows change; figures and usage are written every few seconds
 * and tenths: also while the next request is under way.
 */
const isDeferred = (body: unknown) =>
  /^\{"query":".*(update mail_outbox|webhook_deliveries|insert into (metric_counters|usage_events))/s.test(String(body))
