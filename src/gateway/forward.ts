import { CallerGone } from '../http/caller-gone.ts'
import { errorFields, logRepeated } from '../lib/log.ts'
import { Problem } from '../problems.ts'
import type { Route } from './route.ts'

interface Outbound {
  readonly route: Route
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | string | null
  /** Aborted when the caller disconnects. */
  readonly caller: AbortSignal
}

/** A response that takes longer counts as slow. */
const SLOW_MS = 1_000

/**
 * Sends a request upstream.
 *
 * Its body is never read here, so it streams at the pace of both sides. Redirects are left to the caller.
 *
 * @param noteSlow called once, when the response takes longer than a second
 * @returns the response, once its headers have arrived
 * @throws CallerGone; Problem `upstream_timeout`, `upstream_unreachable`, `misconfigured`
 */
export async function forward(outbound: Outbound, noteSlow: () => void): Promise<Response> {
  const { route, url, caller, ...request } = outbound
  if (route.fault) throw new Problem('misconfigured', { detail: route.fault })
  const ended = new AbortController()
  let isLate = false
  let timer = route.timeoutMs > SLOW_MS ? setTimeout(passSecond, SLOW_MS) : setTimeout(endLate, route.timeoutMs)
  try {
    return await fetch(url, {
      ...request,
      redirect: 'manual',
      cache: 'no-store', // one customer's response must never be served to another
      signal: AbortSignal.any([ended.signal, caller]),
    })
  } catch (error) {
    if (isLate) throw timedOut(route)
    if (caller.aborted) throw new CallerGone()
    logRepeated('warn', 'upstream_unreachable', { route: route.slug, ...errorFields(error) })
    throw new Problem('upstream_unreachable')
  } finally {
    clearTimeout(timer)
  }

  function endLate(): void {
    isLate = true
    ended.abort()
  }

  /** One timer after the other: most requests need no second one. */
  function passSecond(): void {
    noteSlow()
    timer = setTimeout(endLate, route.timeoutMs - SLOW_MS)
  }
}

function timedOut({ timeoutMs }: Route): Problem {
  return new Problem('upstream_timeout', { detail: `No answer began within ${timeoutMs / 1_000} s.` })
}
