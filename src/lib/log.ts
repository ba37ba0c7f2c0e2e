type Level = 'info' | 'warn' | 'error'

/**
 * Writes one JSON line per entry, so that a line break in a value can neither forge an entry nor hide one from a log
 * search. Fields must never contain a key, token, password or connection string.
 *
 * @param event a stable name for alerts, such as `usage_spooled`
 */
export function log(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }))
}

const REPEAT_MS = 1_000

interface Repeated {
  readonly until: number
  readonly level: Level
  /** The number of lines suppressed since the last one, and the fields of the latest of them. */
  held: number
  fields: Record<string, unknown>
}

/** By event, of which there are few. */
const repeated = new Map<string, Repeated>()

const isRecent = ({ until }: Repeated, now: number) => now < until && until - now <= REPEAT_MS

/**
 * The same for an event that an outage causes with every request: one line a second and isolate. Its `count` includes the
 * suppressed lines before it, also those of earlier seconds.
 */
export function logRepeated(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  const now = Date.now()
  const known = repeated.get(event)
  if (known && isRecent(known, now)) {
    known.held += 1
    known.fields = fields
    return
  }
  repeated.set(event, { until: now + REPEAT_MS, level, held: 0, fields })
  log(level, event, { ...fields, count: 1 + (known?.held ?? 0) })
}

/**
 * Writes lines for suppressed ones that no later line has counted. Call it regularly.
 *
 * @param isLast whether lines of the last second are written as well, because no later call will do it
 */
export function logHeld(isLast = false): void {
  const now = Date.now()
  for (const [event, known] of repeated) {
    if (!isLast && isRecent(known, now)) continue
    repeated.delete(event)
    if (known.held > 0) log(known.level, event, { ...known.fields, count: known.held })
  }
}

/**
 * The loggable parts of an error: its kind and the first line of its message, cut. Driver errors can quote whole
 * statements.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error }
  // drizzle wraps errors: the outer one has the query, the inner one the reason
  if (error.cause instanceof Error) return errorFields(error.cause)
  const code = 'code' in error && typeof error.code === 'string' ? { error_code: error.code } : {}
  return { error: error.name, message: error.message.split('\n')[0]?.slice(0, 200), ...code }
}
