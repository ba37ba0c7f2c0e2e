import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { Deps } from '../../src/deps.ts'
import type { VerifyRequest } from '../../src/keys/verify-input.ts'
import type { Claim } from '../../src/limits/claim.ts'
import type { UsageEvent } from '../../src/usage/event.ts'

/**
 * The modules of the hot path, loaded anew: with caches of its own, as another isolate of a deployment has them. Time
 * can be moved, its outgoing requests are counted, and its variables can differ.
 */
export async function newIsolate(variables: Record<string, string> = {}) {
  vi.resetModules()
  const { createDeps } = await import('../../src/deps.ts')
  const { verifyKey } = await import('../../src/keys/verify.ts')
  const { takeLeased } = await import('../../src/limits/leases.ts')
  const { reserve } = await import('../../src/usage/reserve.ts')
  const { settle } = await import('../../src/usage/settle.ts')
  const { ReserveBody, SettleBody } = await import('../../src/usage/reserve-schemas.ts')
  const { parseInput } = await import('../../src/problems.ts')
  const { recordUsage } = await import('../../src/usage/record.ts')
  const ownEnv = { ...env, ...variables }
  const deferred: Promise<unknown>[] = []
  let offsetMs = 0
  let skewMs = 0

  /** Deps as each request gets them. */
  function deps(): Deps {
    const made = createDeps(ownEnv, { waitUntil: (work) => void deferred.push(work) })
    return { ...made, now: () => Date.now() + offsetMs + skewMs, redisAheadMs: offsetMs }
  }

  return {
    deps,
    verify: (key: string, more: Partial<VerifyRequest> = {}) =>
      verifyKey(deps(), { key, cost: 1, scopes: [], ...more }, { requestId: crypto.randomUUID() }),
    takeLeased: (claim: Claim) => takeLeased(deps(), claim),
    settle: (input: unknown) => settle(deps(), parseInput(SettleBody, input), null),
    reserve: (input: unknown) => reserve(deps(), parseInput(ReserveBody, input), null),
    record: (event: UsageEvent) => recordUsage(deps(), event),
    advance: (ms: number) => {
      offsetMs += ms
    },
    /** Sets its own clock wrong: time does not move with it. */
    skew: (ms: number) => {
      skewMs = ms
    },
    now: () => Date.now() + offsetMs,
    /** Waits for everything that goes on after the answers. */
    async settled() {
      while (deferred.length > 0) await Promise.all(deferred.splice(0))
    },
  }
}

/** Counts what leaves the isolate while `work` runs: requests to each store. */
export async function countTrips(work: () => Promise<unknown>): Promise<{ sql: number; redis: number }> {
  const spy = vi.spyOn(globalThis, 'fetch')
  try {
    await work()
    const urls = spy.mock.calls.map(([input]) => String(input instanceof Request ? input.url : input))
    return {
      sql: urls.filter((url) => url.includes('/sql')).length,
      redis: urls.filter((url) => url.includes('/redis')).length,
    }
  } finally {
    spy.mockRestore()
  }
}

/** Where no store answers: one that is down. */
export const NOWHERE = `${env.STACK_URL}/nowhere`
