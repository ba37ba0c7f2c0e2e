import { rateLimitFields } from '../limits/headers.ts'
import type { Verdict } from './verdict.ts'

/** The `RateLimit-Policy` and `RateLimit` fields of a key's rate limit. */
export function verdictFields({ limit, remaining, resets_at }: NonNullable<Verdict['ratelimit']>, now: number) {
  const reset = resets_at === null ? null : Date.parse(resets_at)
  return rateLimitFields('key', { limit, remaining, reset }, 60_000, now)
}

/**
 * The headers of an answer that follows a verdict, ready to copy: the rate limit, `Retry-After`, and the scheme of a
 * 401.
 */
export function readVerdictHeaders(verdict: Verdict, now: number): Record<string, string> {
  const { ratelimit, retry_after, status } = verdict
  return {
    ...(ratelimit && verdictFields(ratelimit, now)),
    ...(retry_after !== null && { 'Retry-After': String(retry_after) }),
    ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
  }
}
