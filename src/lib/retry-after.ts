/** The statuses whose answer may have `Retry-After` (RFC 9110 §15.6.4, RFC 6585 §4). */
const WITH_RETRY_AFTER: ReadonlySet<number> = new Set([429, 503])

/**
 * Reads how long a server asks not to be called: `Retry-After` of a 429 or 503, in seconds or as a date (RFC 9110
 * §10.2.3).
 *
 * @param now in Unix milliseconds
 * @param maxSeconds the upper bound, whatever the answer says
 * @returns whole seconds, at least 1; undefined if the answer does not say
 */
export function retryAfterSeconds({ status, headers }: Response, now: number, maxSeconds: number): number | undefined {
  const text = headers.get('Retry-After')?.trim() ?? ''
  if (!WITH_RETRY_AFTER.has(status) || text === '') return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000)
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(1, seconds), maxSeconds)
}
