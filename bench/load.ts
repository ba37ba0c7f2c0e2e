import autocannon from 'autocannon'

/** What to request, at which rate and for how long. */
export interface Load {
  readonly url: string
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  /** The body of all requests, or a function that returns the next one. */
  readonly body?: string | (() => string)
  readonly connections: number
  /** Ends after this many seconds, or after this many requests; the latter leaves none unanswered. */
  readonly seconds?: number
  readonly amount?: number
  /** Maximum of requests per second; if absent, as many as possible. */
  readonly rate?: number
  /** Text that each answer must contain. */
  readonly expected?: string
  /** Called with each answer. */
  readonly onAnswer?: (status: number, body: string) => void
}

export interface Loaded {
  readonly requests: number
  readonly seconds: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Answers other than 2xx, and unanswered requests. */
  readonly failed: number
  /** Answers without the expected text. */
  readonly unexpected: number
  /** Why answers are missing, and the beginning of the first unexpected one. */
  readonly reasons: readonly string[]
}

/** Sends requests on several connections, the next one on each when the last one is answered. */
export async function load({
  url,
  method = 'GET',
  headers = {},
  body,
  expected,
  onAnswer,
  ...how
}: Load): Promise<Loaded> {
  const { connections, seconds, amount, rate } = how
  const checked = checkedFor(expected)
  const run = autocannon({
    url,
    connections,
    timeout: 30,
    ...(seconds !== undefined && { duration: seconds }),
    ...(amount !== undefined && { amount }),
    ...(rate !== undefined && { overallRate: rate }),
    ...(expected !== undefined && { verifyBody: checked.isExpected }),
    requests: [
      {
        method,
        headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
        ...readBody(body),
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
  return {
    ...summarizeTimes(times, took),
    failed: result.errors + result.non2xx,
    unexpected: checked.unexpected(),
    reasons: [...reasons, ...checked.reasons()],
  }
}

/** Counts the answers without the expected text: a search in some hundred bytes, after the next request is sent. */
export function checkedFor(expected = '') {
  let unexpected = 0
  let first: string | undefined
  return {
    isExpected(body: string): boolean {
      if (body.includes(expected)) return true
      unexpected += 1
      first ??= body.slice(0, 200)
      return false
    },
    unexpected: () => unexpected,
    reasons: () => (first === undefined ? [] : [`answered ${first}`]),
  }
}

/** @param times milliseconds of each answer */
export function summarizeTimes(times: readonly number[], seconds: number) {
  const sorted = times.toSorted((a, b) => a - b)
  return {
    requests: times.length,
    seconds,
    perSecond: times.length / seconds,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
  }
}

function readBody(body: Load['body']) {
  if (typeof body !== 'function') return body === undefined ? {} : { body }
  return { setupRequest: (request: object) => ({ ...request, body: body() }) }
}

/** @param sorted ascending */
function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}
