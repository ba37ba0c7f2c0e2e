/** What workerd logs about broken connections: tests break hundreds of them on purpose. */
const BROKEN_CONNECTION =
  /^(exception = \S+ disconnected: |uncaught exception; .*(Network connection lost|disconnected: )|stack: (\S*workerd@[0-9a-f]+ ?)+$)/

/** As much as says what happened. */
const MAX_KEPT_LINES = 200

/**
 * Withholds workerd's own lines about broken connections: they come from its process and belong to no test, so vitest's
 * `silent` does not reach them.
 *
 * @returns a function that lets everything through again, and gives what was withheld
 */
export function quietRuntime(): () => readonly string[] {
  const withheld: string[] = []
  const endQuiet = [process.stdout, process.stderr].map((stream) => quiet(stream, withheld))
  return () => {
    for (const end of endQuiet) end()
    return withheld
  }
}

function quiet(stream: NodeJS.WriteStream, withheld: string[]): () => void {
  const { write } = stream
  stream.write = function writeUnlessBroken(chunk: string | Uint8Array, ...rest: never[]): boolean {
    const lines = String(chunk).trimEnd().split('\n')
    if (!lines.every((line) => BROKEN_CONNECTION.test(line))) return write.call(stream, chunk, ...rest)
    if (withheld.length < MAX_KEPT_LINES) withheld.push(...lines)
    return true
  }
  return () => {
    stream.write = write
  }
}
