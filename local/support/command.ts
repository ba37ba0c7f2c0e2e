/** Runs a script's main function: an error is one line and exit code 1, never a stack trace. */
export async function command(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    console.error(describe(error))
    process.exitCode = 1
  }
}

/** Describes an error in one line. For a failed query it is the cause, not the statement. */
export function describe(error: unknown): string {
  const reason = findReason(error)
  const message =
    reason instanceof Error ? reason.message || String('code' in reason ? reason.code : reason.name) : String(reason)
  return message.split('\n')[0] ?? message
}

/** Drivers wrap the cause in an error that quotes the statement, and Node combines several attempts in one. */
function findReason(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return findReason(error.errors[0])
  if (!(error instanceof Error)) return error
  const inner = error.cause ?? ('sourceError' in error ? error.sourceError : undefined)
  const saysLittle = !error.message || /^Failed query|^Error connecting to database|^fetch failed/.test(error.message)
  return inner && saysLittle ? findReason(inner) : error
}
