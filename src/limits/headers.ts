interface Limited {
  readonly policy: string
  readonly limit: number
  readonly remaining: number
  /** Unix milliseconds. */
  readonly reset: number
  readonly windowMs: number
}

/**
 * `RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers-10, and `Retry-After` (RFC 9110 §10.2.3)
 * once nothing remains. Seconds are rounded up: a client that waits exactly that long is not refused again.
 */
export function rateLimitHeaders(
  { policy, limit, remaining, reset, windowMs }: Limited,
  now: number,
): Record<string, string> {
  const seconds = Math.max(0, Math.ceil((reset - now) / 1000))
  return {
    'RateLimit-Policy': `"${policy}";q=${limit};w=${windowMs / 1000}`,
    RateLimit: `"${policy}";r=${remaining};t=${seconds}`,
    ...(remaining === 0 && { 'Retry-After': String(Math.max(1, seconds)) }),
  }
}
