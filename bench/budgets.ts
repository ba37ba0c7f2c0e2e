import type { Measured } from './bench-measure.ts'

/**
 * The limits that make the bench fail. A figure is compared with others of the same run, so that a slow machine is no excuse.
 *
 * The busy key's are multiples of a Hono route that receives and sends the same bytes and does
 * nothing: everything above it is Tollgate's own.
 */
export const BUDGETS = {
  /** Warm-busy verifications a second over HTTP. */
  busyPerSecond: 0.6,
  /** CPU of a warm-busy verification over HTTP. */
  busyCpu: 1.5,
  /** Round trips of one verification. */
  busyRedisRequests: 0.1,
  busySqlRequests: 0.05,
  quietRedisRequests: 1.1,
  /** Upstash bills commands inside scripts as well. */
  quietRedisCommands: 5.5,
  quietSqlRequests: 0.1,
  coldRedisRequests: 1.1,
  coldSqlRequests: 1.1,
  /** A mistyped key needs no look-up; what is left is the row of the calling service, now and then. */
  invalidRedisRequests: 0.01,
  invalidSqlRequests: 0.01,
  /** The p99 of a key that is verified 200 times a second, while five people sign in per second, in multiples of that without. */
  signInsP99: 1.5,
  /** For a key that is verified 200 times a second, including what its leases return. */
  steadyRedisRequests: 0.1,
  /** CPU of a request through the gateway, in multiples of passing it on and verifying its key. */
  gatewayCpu: 1.3,
  /** CPU for evaluating modules until the first answer, in multiples of the whole start of an empty Worker with Hono. */
  evaluationCpu: 1,
  /**
   * CPU for reading and compiling all modules, including the management API's, in the same multiples. It follows from the bytes:
   * workerd takes 1.7 such starts per megabyte of any script, whether it is imported or not.
   */
  compilingCpu: 3.75,
  /** Cloudflare accepts 3 MB after gzip on its free plan. */
  bundleBytes: 2_200_000,
  bundleGzipBytes: 700_000,
} as const

export type Budget = keyof typeof BUDGETS

/** Budgets that are broken by a figure below them; all others are broken by a figure above them. */
const AT_LEAST: ReadonlySet<Budget> = new Set(['busyPerSecond'])

/** @returns a line for each broken budget; a figure that was not measured breaks none */
export function listBroken(figures: Readonly<Partial<Record<Budget, number>>>): string[] {
  return (Object.entries(figures) as [Budget, number][]).flatMap(([name, figure]) => {
    const limit = BUDGETS[name]
    const isKept = AT_LEAST.has(name) ? figure >= limit : figure <= limit // NaN satisfies neither
    return isKept ? [] : [`${name}: ${figure.toPrecision(3)}, wanted ${limit}`]
  })
}

/** @returns a line for each case with wrong answers: no answers or errors are fast as well */
export function listMisanswered(cases: readonly Measured[]): string[] {
  return cases.flatMap(({ name, requests, failed, unexpected, reasons }) => {
    const faults = [
      requests === 0 && 'no answers',
      failed > 0 && `${failed} failed`,
      unexpected > 0 && `${unexpected} of ${requests} were answered otherwise`,
    ].filter((fault) => fault !== false)
    return faults.length > 0 ? [`${name}: ${[...faults, ...reasons].join(', ')}`] : []
  })
}
