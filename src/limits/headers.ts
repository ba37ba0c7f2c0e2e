import type { WindowReading } from './window.ts'

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10. Seconds are rounded up, so a client
 * that waits exactly that long is not refused again.
 */
export function rateLimitFields(
  policy: string,
  { limit, remaining, reset }: Omit<WindowReading, 'reset'> & { readonly reset: number | null },
  windowMs: number,
  now: number,
) {
  return {
    'RateLimit-Policy': `"${policy}";q=${limit};w=${windowMs / 1000}`,
    RateLimit:
      reset === null ? `"${policy}";r=${remaining}` : `"${policy}";r=${remaining};t=${secondsUntil(reset, now)}`,
  }
}

/** The same with `Retry-After` (RFC 9110 §10.2.3) once nothing remains. */
export function rateLimitHeaders(
  policy: string,
  window: WindowReading,
  windowMs: number,
  now: number,
): Record<string, string> {
  const fields = rateLimitFields(policy, window, windowMs, now)
  if (window.remaining > 0) return fields
  return { ...fields, 'Retry-After': String(Math.max(1, secondsUntil(window.reset, now))) }
}

const secondsUntil = (reset: number, now: number) => Math.max(0, Math.ceil((reset - now) / 1000))
