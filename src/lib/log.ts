type Level = 'info' | 'warn' | 'error'

/**
 * One JSON line per entry, so that neither a line break in a value can forge an entry nor a log search miss one.
 * Fields must never hold a key, token, password or connection string.
 *
 * @param event a stable name to alert on, such as `usage_spooled`
 */
export function log(level: Level, event: string, fields: Record<string, unknown> = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }))
}

/** What of an error may be logged: its kind and its message's first line, cut. Driver errors can quote whole statements. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error }
  if (error.cause instanceof Error) return errorFields(error.cause) // drizzle wraps: outside is the query, inside the reason
  const code = 'code' in error && typeof error.code === 'string' ? { error_code: error.code } : {}
  return { error: error.name, message: error.message.split('\n')[0]?.slice(0, 200), ...code }
}
