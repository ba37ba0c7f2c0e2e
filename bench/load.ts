import autocannon from 'autocannon'

/** What is asked, how hard and for how long. */
export interface Load {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** The body of the n-th request, or of all. */
  readonly body?: string | ((n: number) => string)
  readonly connections: number
  /** Ends after so many seconds, or after so many requests; the latter leaves none without its answer. */
  readonly seconds?: number
  readonly amount?: number
  /** At most so many requests a second, where it is not to be as many as there can be. */
  readonly rate?: number
  /** Told each answer. */
  readonly onAnswer?: (status: number, body: string) => void
}

export interface Loaded {
  readonly requests: number
  readonly seconds: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers that are no 2xx, and requests without any. */
  readonly failed: number
  /** Why there was none. */
  readonly reasons: readonly string[]
}

/** Sends requests on so many connections, on each the next one when the last one is answered. */
export async function load({ url, method = 'GET', headers = {}, body, onAnswer, ...how }: Load): Promise<Loaded> {
  const { connections, seconds, amount, rate } = how
  const run = autocannon({
    url,
    connections,
    timeout: 30,
    ...(seconds !== undefined && { duration: seconds }),
    ...(amount !== undefined && { amount }),
    ...(rate !== undefined && { overallRate: rate }),
    requests: [
      {
        method,
        headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
        ...bodyOf(body),
        ...(onAnswer && { onResponse: onAnswer }),
      },
    ],
  })
  const times: number[] = []
  run.on('response', (_client: unknown, _status: number, _bytes: number, ms: number) => times.push(ms))
  const reasons = new Set<string>()
  run.on('reqError', ({ message }) => reasons.add(message))
  const started = performance.now()
  const result = await run
  const took = amount === undefined ? result.duration : (performance.now() - started) / 1000
  times.sort((a, b) => a - b)
  return {
    requests: times.length,
    seconds: took,
    perSecond: times.length / took,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    failed: result.errors + result.non2xx,
    reasons: [...reasons],
  }
}

function bodyOf(body: Load['body']) {
  if (typeof body !== 'function') return body === undefined ? {} : { body }
  let sent = 0
  return { setupRequest: (request: object) => ({ ...request, body: body(sent++) }) }
}

/** @param sorted ascending */
function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
