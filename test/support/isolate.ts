import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { Deps } from '../../src/deps.ts'
import type { VerifyRequest } from '../../src/keys/verify-input.ts'
import type { UsageEvent } from '../../src/usage/event.ts'

/**
 * The modules of the hot path, loaded anew: with caches of its own, as another isolate of a deployment has them. Its
 * clock can be moved, its outgoing requests are counted, and its variables can differ.
 */
export async function newIsolate(variables: Record<string, string> = {}) {
  vi.resetModules()
  const { createDeps } = await import('../../src/deps.ts')
  const { verifyKey } = await import('../../src/keys/verify.ts')
  const { recordUsage } = await import('../../src/usage/record.ts')
  const ownEnv = { ...env, ...variables }
  const deferred: Promise<unknown>[] = []
  let offsetMs = 0

  /** Deps as each request gets them. */
  function deps(): Deps {
    const made = createDeps(ownEnv, { waitUntil: (work) => void deferred.push(work) })
    return { ...made, now: () => Date.now() + offsetMs }
  }

  return {
    deps,
    verify: (key: string, more: Partial<VerifyRequest> = {}) =>
      verifyKey(deps(), { key, cost: 1, scopes: [], ...more }, { requestId: crypto.randomUUID() }),
    record: (event: UsageEvent) => recordUsage(deps(), event),
    advance: (ms: number) => {
      offsetMs += ms
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
