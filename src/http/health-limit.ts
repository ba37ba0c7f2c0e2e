import type { Context } from 'hono'
import { createLru } from '../lib/lru.ts'
import { Problem } from '../problems.ts'
import { clientIp } from './edge.ts'
import type { AppEnv } from './env.ts'

/** Per address and isolate. A monitor asks every few seconds. */
export const MAX_CHECKS = 300
export const WINDOW_MS = 60_000

const seen = createLru<{ readonly until: number; checks: number }>(10_000)

/**
 * Limits health checks by address, in this isolate's memory: a check that must ask Redis for its limit could not report
 * that Redis is down. Without an edge in front there is no address, and no limit.
 */
export const withHealthLimit = (handler: (c: Context<AppEnv>) => Response | Promise<Response>) =>
  function limited(c: Context<AppEnv>): Response | Promise<Response> {
    const ip = clientIp(c)
    if (ip !== undefined) countCheck(ip, c.var.deps.now())
    return handler(c)
  }

/** @throws Problem `rate_limited` */
function countCheck(ip: string, now: number): void {
  const known = seen.get(ip)
  const isOpen = known !== undefined && now < known.until && known.until - now <= WINDOW_MS // the clock may be set back
  const window = isOpen ? known : { until: now + WINDOW_MS, checks: 0 }
  window.checks += 1
  seen.set(ip, window)
  if (window.checks <= MAX_CHECKS) return
  throw new Problem('rate_limited', { headers: { 'Retry-After': String(Math.ceil((window.until - now) / 1_000)) } })
}
