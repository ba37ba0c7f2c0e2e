/** With which an answer says when to come again (RFC 9110 §15.6.4, RFC 6585 §4). */
const SAYS_WHEN: ReadonlySet<number> = new Set([429, 503])

/**
 * How long whoever answered wants to be left alone: `Retry-After` of a 429 or 503, in seconds or as a date (RFC 9110 §10.2.3).
 *
 * @param now in Unix milliseconds
 * @param most seconds, whatever the answer says
 * @returns whole seconds, at least 1; undefined where it does not say
 */
export function retryAfterSeconds({ status, headers }: Response, now: number, most: number): number | undefined {
  const text = headers.get('Retry-After')?.trim() ?? ''
  if (!SAYS_WHEN.has(status) || text === '') return undefined
  const seconds = /^\d+$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000)
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(1, seconds), most)
}
