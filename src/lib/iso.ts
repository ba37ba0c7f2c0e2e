const MAX_KEPT = 100
const known = new Map<number, string>()

/**
 * A time in Unix milliseconds as ISO 8601 in UTC. Remembers the last ones: requests come several in a millisecond, and
 * making the text takes longer than most of what else is done for them.
 */
export function formatIso(ms: number): string {
  const found = known.get(ms)
  if (found !== undefined) return found
  if (known.size >= MAX_KEPT) known.clear()
  const text = new Date(ms).toISOString()
  known.set(ms, text)
  return text
}

/** A stored moment on the wire; null where there is none. */
export const dateToIso = (at: Date | null) => at?.toISOString() ?? null
