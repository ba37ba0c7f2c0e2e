/** What the bench fails on. A figure is compared with others of the same run, so that a slow machine is no excuse. */
export const BUDGETS = {
  /** Warm-busy verifications a second over HTTP, as a part of what the JSON route answers. */
  busyPerSecond: 0.6,
  /** CPU of a warm-busy verification over HTTP, as a multiple of the JSON route's. */
  busyCpu: 1.5,
  /** Round trips of one verification. */
  busyRedisRequests: 0.1,
  busySqlRequests: 0.05,
  quietRedisRequests: 1.1,
  quietSqlRequests: 0.1,
  coldSqlRequests: 1.1,
  /** Above an empty Worker with Hono, in milliseconds of CPU until the first answer. */
  startCpuMs: 25,
  bundleBytes: 1_600_000,
  bundleGzipBytes: 480_000,
} as const

export type Budget = keyof typeof BUDGETS

/** Of a budget with this name a figure below it breaks it; of every other one, a figure above it. */
const AT_LEAST: ReadonlySet<Budget> = new Set(['busyPerSecond'])

/** @returns a line for each budget that a figure breaks; a figure that was not measured breaks none */
export function broken(figures: Readonly<Partial<Record<Budget, number>>>): string[] {
  return (Object.entries(figures) as [Budget, number][])
    .filter(([name, figure]) => (AT_LEAST.has(name) ? figure < BUDGETS[name] : figure > BUDGETS[name]))
    .map(([name, figure]) => `${name}: ${figure.toPrecision(3)}, budget ${BUDGETS[name]}`)
}
