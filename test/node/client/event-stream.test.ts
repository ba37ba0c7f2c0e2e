import { expect, test } from 'vitest'
import { type EventData, eventReader } from '../../../packages/tollgate/src/event-stream.ts'

/** Reads a stream that comes in pieces. @returns the events' data, and what was passed on */
function readAll(pieces: readonly string[], change: (data: EventData) => EventData | undefined = (data) => data) {
  const seen: EventData[] = []
  const read = eventReader((data) => {
    seen.push(data)
    return change(data)
  })
  const bytes = [...pieces.map((piece) => new TextEncoder().encode(piece)), undefined]
  const passed = bytes.map((one) => new TextDecoder().decode(read(one))).join('')
  return { seen, passed }
}

test('an event whose text has the separators U+2028 and U+2029 is read, and passed on as it came', () => {
  const event = 'data: {"delta":"one\u2028two\u2029three"}\n\n'
  expect(readAll([event])).toEqual({ seen: [{ delta: 'one\u2028two\u2029three' }], passed: event })
})

test('a last event without a blank line is read like any other', () => {
  const pieces = ['data: {"a":1}\r\n\r\nda', 'ta: {"b":2}']
  expect(readAll(pieces)).toEqual({ seen: [{ a: 1 }, { b: 2 }], passed: pieces.join('') })
  expect(readAll(pieces, (data) => ('b' in data ? undefined : data)).passed).toBe('data: {"a":1}\r\n\r\n')
  expect(readAll(['data: [DONE]']).passed).toBe('data: [DONE]')
})

test('the data of several lines is one text, with or without a space after the colon', () => {
  expect(readAll(['event: x\ndata: {"a":\ndata:1}\n\n']).seen).toEqual([{ a: 1 }])
})
