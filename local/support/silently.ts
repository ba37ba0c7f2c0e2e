/** The checks of settings log their findings as in a deployment; a script tells them itself instead. */
export function silently<Result>(work: () => Result): Result {
  const { error, warn } = console
  console.error = console.warn = () => undefined
  try {
    return work()
  } finally {
    Object.assign(console, { error, warn })
  }
}
