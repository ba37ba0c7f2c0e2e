/** A user needs some hundred characters; a file without line breaks must not be read into memory whole. */
const MAX_CHARACTERS = 65_536

/**
 * The lines of a text that arrives in chunks, wherever it is cut.
 *
 * @throws Error at a line of more than 65,536 characters
 */
export async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
    if (rest.length > MAX_CHARACTERS)
      throw new Error('A line is too long. The file must have one JSON object per line.')
  }
  if (rest) yield rest
}
