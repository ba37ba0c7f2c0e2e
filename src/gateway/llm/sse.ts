/** Server-sent events in a passing stream (WHATWG HTML §9.2). */

/** An event longer than this is passed on without being parsed. */
const MAX_EVENT = 4 * 1024 * 1024
const BOUNDARY = /\r\n\r\n|\n\n|\r\r/

/** One event: its text including the blank line that ends it, and its data. */
export interface StreamEvent {
  readonly text: string
  readonly data: string
}

/**
 * Splits a stream into events.
 *
 * @returns a function that takes the next bytes and returns the complete events, and one that returns the rest
 */
export function createEventReader() {
  const decoder = new TextDecoder()
  let rest = ''
  return {
    take(bytes: Uint8Array): StreamEvent[] {
      rest += decoder.decode(bytes, { stream: true })
      const events: StreamEvent[] = []
      for (let found = BOUNDARY.exec(rest); found; found = BOUNDARY.exec(rest)) {
        const end = found.index + found[0].length
        const text = rest.slice(0, end)
        rest = rest.slice(end)
        events.push({ text, data: readData(text) })
      }
      if (rest.length > MAX_EVENT) {
        events.push({ text: rest, data: '' })
        rest = ''
      }
      return events
    },
    end(): StreamEvent[] {
      const text = rest + decoder.decode()
      rest = ''
      return text === '' ? [] : [{ text, data: readData(text) }]
    },
  }
}

function readData(event: string): string {
  return event
    .split(/\r\n|\n|\r/)
    .flatMap((line) => (line.startsWith('data:') ? [line.slice(line[5] === ' ' ? 6 : 5)] : []))
    .join('\n')
}
