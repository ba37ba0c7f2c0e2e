const MAX_KEPT = 100
const known = new Map<number, string>()

/**
 * Formats Unix milliseconds as ISO 8601 in UTC. Caches the latest results: several requests arrive in the same
 * millisecond, and formatting takes longer than most other work of a request.
 */
export function formatIso(ms: number): string {
  const found = known.get(ms)
  if (found !== undefined) return found
  if (known.size >= MAX_KEPT) known.clear()
  const text = new Date(ms).toISOString()
  known.set(ms, text)
  return text
}

/** Formats a stored time for the wire; null if there is none. */
export const dateToIso = (at: Date | null) => at?.toISOString() ?? null

/** Formats Unix milliseconds, or a time in any form of ISO 8601, as ISO 8601 in UTC, without the cache. */
export const toIso = (at: number | string) => new Date(at).toISOString()
