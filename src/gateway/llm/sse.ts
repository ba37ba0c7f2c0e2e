/** Server-sent events in a passing stream (WHATWG HTML §9.2). */
import { type Json, parseObject } from './json.ts'
import { createMemberReader } from './member-reader.ts'

/** Events up to this length, in UTF-16 code units, are kept until complete. Longer ones pass in pieces, and only their usage is read. */
const MAX_EVENT = 512 * 1024
const BOUNDARY = /\r\n\r\n|\n\n|\r\r/
/** How much of the text a piece leaves behind: it may be the beginning of a boundary. */
const LEFT = 3

/**
 * One event: its text including the blank line that ends it, and the JSON of its data. A long event is several pieces:
 * only the last one has a `body`, with the members that member-reader.ts reads.
 */
export interface StreamEvent {
  readonly text: string
  readonly body: Json | undefined
}

/**
 * Splits a stream into events.
 *
 * @returns a function that takes the next bytes and returns the complete events, and one that returns the rest
 */
export function createEventReader() {
  const decoder = new TextDecoder()
  /** The event so far. It is searched no more, so that many short chunks of a long event cost no more than a few. */
  let kept = ''
  /** What follows: it may be the beginning of a boundary. */
  let rest = ''
  let long: ReturnType<typeof createMemberReader> | undefined

  function complete(end: string): StreamEvent {
    const text = kept + end
    kept = ''
    if (!long) return { text, body: readBody(text) }
    long.take(text)
    const body = long.read()
    long = undefined
    return { text, body }
  }

  function passPiece(): StreamEvent {
    const text = kept
    kept = ''
    long ??= createMemberReader()
    long.take(text)
    return { text, body: undefined }
  }

  return {
    take(bytes: Uint8Array): StreamEvent[] {
      rest += decoder.decode(bytes, { stream: true })
      const events: StreamEvent[] = []
      for (let found = BOUNDARY.exec(rest); found; found = BOUNDARY.exec(rest)) {
        const end = found.index + found[0].length
        const text = rest.slice(0, end)
        rest = rest.slice(end)
        events.push(complete(text))
      }
      const end = endOfPiece(rest)
      kept += rest.slice(0, end)
      rest = rest.slice(end)
      if (kept.length > (long ? 0 : MAX_EVENT)) events.push(passPiece())
      return events
    },
    end(): StreamEvent[] {
      const text = rest + decoder.decode()
      rest = ''
      return kept + text === '' ? [] : [complete(text)]
    },
  }
}

/** Where a piece ends: never inside a surrogate pair. */
function endOfPiece(text: string): number {
  const end = Math.max(0, text.length - LEFT)
  const unit = text.charCodeAt(end)
  return unit >= 0xdc00 && unit < 0xe000 ? end - 1 : end
}

function readBody(event: string): Json | undefined {
  const data = readData(event)
  return data === '' || data === '[DONE]' ? undefined : parseObject(data)
}

function readData(event: string): string {
  return event
    .split(/\r\n|\n|\r/)
    .flatMap((line) => (line.startsWith('data:') ? [line.slice(line[5] === ' ' ? 6 : 5)] : []))
    .join('\n')
}
