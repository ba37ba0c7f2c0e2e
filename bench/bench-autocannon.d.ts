/** The part of autocannon that is used here; the package has no types. */
declare module 'autocannon' {
  interface Request {
    method?: string
    path?: string
    headers?: Record<string, string>
    body?: string
    setupRequest?(request: Request, context: object): Request
    onResponse?(status: number, body: string): void
  }
  interface Options {
    url: string
    connections: number
    duration?: number
    amount?: number
    timeout?: number
    overallRate?: number
    verifyBody?(body: string): boolean
    requests: Request[]
  }
  interface Latencies {
    p50: number
    p90: number
    p99: number
    max: number
  }
  interface Result {
    requests: { total: number; average: number }
    duration: number
    errors: number
    timeouts: number
    non2xx: number
    '2xx': number
    latency: Latencies
  }
  interface Run extends Promise<Result> {
    on(event: 'reqError', told: (error: Error) => void): void
    on(event: 'response', told: (client: unknown, status: number, bytes: number, ms: number) => void): void
  }
  export default function autocannon(options: Options): Run
}
