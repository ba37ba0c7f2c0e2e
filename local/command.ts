/** Runs a script's main function: what goes wrong is one line and exit code 1, never a stack trace. */
export async function command(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    console.error(describe(error))
    process.exitCode = 1
  }
}

export function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0] ?? message
}
