/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html */

/** A JSON object of an event's data, as providers send it. */
export type EventData = Readonly<Record<string, unknown>>

const END_OF_EVENT = /\r\n\r\n|\n\n|\r\r/

/**
 * Reads the events of a stream as its bytes pass by.
 *
 * @param onEvent gives the data to pass on: the same object leaves the event as it came, undefined withholds it
 * @returns what takes bytes, or undefined at the end, and gives the bytes to pass on, if any
 */
export function eventReader(onEvent: (data: EventData) => EventData | undefined) {
  const decoder = new TextDecoder()
  const encoder = new TextEncoder()
  let rest = ''
  return function read(bytes: Uint8Array | undefined): Uint8Array | undefined {
    rest += bytes ? decoder.decode(bytes, { stream: true }) : decoder.decode()
    let passed = ''
    for (let end = END_OF_EVENT.exec(rest); end; end = END_OF_EVENT.exec(rest)) {
      const length = end.index + end[0].length
      passed += passOn(rest.slice(0, length), onEvent)
      rest = rest.slice(length)
    }
    if (!bytes) passed += passOn(rest, onEvent) // a provider may leave out the last blank line
    return passed === '' ? undefined : encoder.encode(passed)
  }
}

function passOn(event: string, onEvent: (data: EventData) => EventData | undefined): string {
  const lines = event.split(/\r\n|\n|\r/)
  const dataLines = lines.filter((line) => line.startsWith('data:'))
  const text = dataLines.map((line) => line.slice('data:'.length)).join('\n')
  const data = parseObject(text)
  if (!data) return event
  const passed = onEvent(data)
  if (passed === data) return event
  if (!passed) return ''
  const others = lines.filter((line) => line !== '' && !line.startsWith('data:'))
  return `${[...others, `data: ${JSON.stringify(passed)}`].join('\n')}\n\n`
}

/** @returns undefined for what is no JSON object, such as `[DONE]` */
export function parseObject(text: string): EventData | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as EventData) : undefined
  } catch {
    return undefined
  }
}
