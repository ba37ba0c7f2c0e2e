/** The usage of responses that are too long to be kept in memory. */
import { expect, test } from 'vitest'
import { createMemberReader } from '../../../src/gateway/llm/member-reader.ts'
import { createEventReader } from '../../../src/gateway/llm/sse.ts'
import type { StreamEnd } from '../../../src/gateway/llm/tap.ts'
import { createUsageReader } from '../../../src/gateway/llm/usage.ts'
import { watchEvents, watchWhole } from '../../../src/gateway/llm/watch.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const LONG = '"}],{[:\\😀ä'.repeat(50_000)
const usage = { prompt_tokens: 5, completion_tokens: 9, prompt_tokens_details: { cached_tokens: 3 } }
const USE = { input_tokens: 5, output_tokens: 9, cached_tokens: 3 }

test('events are found wherever the bytes are split, with every kind of line ending, and nothing is lost', () => {
  const text = ': hi\n\ndata: {"a":"ä€😀"}\r\n\r\nevent: x\ndata: {"b":\ndata: 2}\n\ndata:{}'
  const whole = bytes(text)
  for (let at = 0; at <= whole.length; at++) {
    const reader = createEventReader()
    const events = [...reader.take(whole.slice(0, at)), ...reader.take(whole.slice(at)), ...reader.end()]
    expect(events.map((event) => event.body)).toEqual([undefined, { a: 'ä€😀' }, { b: 2 }, {}])
    expect(events.map((event) => event.text).join('')).toBe(text)
  }
})

test('a long event passes in pieces, byte for byte, and its usage is read', () => {
  const response = { id: 'r', background: true, output: [{ result: LONG, usage: 1 }], usage }
  const long = `event: response.completed\ndata: ${JSON.stringify({ type: 'response.completed', response })}`
  const whole = bytes(`data: {"n":1}\n\n${long}\r\n\r\ndata: {"n":2}\n\n`)
  for (const size of [1_001, 4_096, 65_536, whole.length]) {
    const reader = createEventReader()
    const events = []
    for (let at = 0; at < whole.length; at += size) events.push(...reader.take(whole.slice(at, at + size)))
    expect(events.flatMap(({ body }) => (body ? [body] : []))).toEqual(
      size === whole.length
        ? [{ n: 1 }, { type: 'response.completed', response }, { n: 2 }]
        : [{ n: 1 }, { type: 'response.completed', response: { id: 'r', background: true, usage } }, { n: 2 }],
    )
    expect(
      bytes(events.map(({ text }) => bytes(text)).reduce((all, text) => all + new TextDecoder().decode(text), '')),
    ).toEqual(whole)
  }
})

test('an event without an end is not kept', () => {
  const reader = createEventReader()
  const piece = bytes('x'.repeat(300_000))
  const passed = Array.from({ length: 4 }, () => reader.take(piece)).flat()
  expect(passed.map((event) => event.text.length)).toEqual([599_997, 300_000, 300_000])
})

const TEXT = 'word'.repeat(100_000)

test.each([
  ['openai', { choices: [{ delta: { content: TEXT } }] }],
  ['openai', { type: 'response.output_text.delta', delta: TEXT }],
  ['anthropic', { type: 'content_block_delta', delta: { partial_json: TEXT } }],
] as const)(
  'the text of an event up to 512 kB counts, however it arrives, if the stream reports no usage: %s',
  (provider, event) => {
    const whole = bytes(`data: ${JSON.stringify(event)}\n\n`)
    for (const size of [1_009, 16_384, whole.length]) {
      const reader = createUsageReader(provider)
      const watcher = watchEvents(reader, false, () => undefined)
      for (let at = 0; at < whole.length; at += size) watcher.pass(whole.slice(at, at + size))
      expect(reader.read()).toMatchObject({ use: { output_tokens: 100_000 }, isFinal: false })
    }
  },
)

/** What a watcher reads from a response that arrives in pieces of this size. */
function watch(text: string, { size = 7_919, how = 'whole' }: { size?: number; how?: StreamEnd } = {}) {
  const reader = createUsageReader('openai')
  const watcher = watchWhole(reader, () => undefined)
  const whole = bytes(text)
  for (let at = 0; at < whole.length; at += size) watcher.pass(whole.slice(at, at + size))
  if (how === 'whole') watcher.flush()
  watcher.end(how)
  return reader.read()
}

test.each([
  [
    'at the end',
    { choices: [{ message: { content: LONG, usage: { prompt_tokens: 1 } } }], model: 'm', usage, user: 'u' },
  ],
  ['at the beginning', { model: 'm', usage, data: [{ embedding: LONG }] }],
  ['in the middle', { a: LONG, usage, model: 'm', b: LONG }],
])('the usage in a long response counts, %s', (_, answer) => {
  for (const size of [997, 65_537, 10_000_000])
    expect(watch(JSON.stringify(answer), { size })).toEqual({ model: 'm', use: USE, isFinal: true })
})

test.each([
  { message: { note: LONG, content: [{ usage }] } },
  { data: LONG, text: JSON.stringify({ usage }) },
  [{ usage, data: LONG }],
  { 'us\\u0061ge': usage, data: LONG },
])('usage in another place of a long response does not count: %#', (answer) => {
  expect(watch(JSON.stringify(answer))).toMatchObject({ use: {}, isFinal: false })
})

test('usage that has arrived counts even if the rest of the response does not arrive', () => {
  const text = JSON.stringify({ model: 'm', usage, choices: [] })
  expect(watch(text.slice(0, -2), { how: 'aborted' })).toEqual({ model: 'm', use: USE, isFinal: true })
  expect(watch(text.slice(0, 50), { how: 'broken' })).toMatchObject({ use: {}, isFinal: false })
})

test('a caller who did not request the usage gets the long events, but not the usage event', () => {
  const reader = createUsageReader('openai')
  const watcher = watchEvents(reader, true, () => undefined)
  const long = `data: ${JSON.stringify({ choices: [{ delta: { content: LONG } }] })}\n\n`
  const told = `data: ${JSON.stringify({ choices: [], usage })}\n\n`
  const whole = bytes(`${long}${told}data: [DONE]\n\n`)
  let passed = ''
  for (let at = 0; at < whole.length; at += 10_007)
    passed += new TextDecoder().decode(watcher.pass(whole.slice(at, at + 10_007)))
  passed += new TextDecoder().decode(watcher.flush())
  expect(passed === `${long}data: [DONE]\n\n`).toBe(true)
  expect(reader.read().use).toMatchObject(USE)
})

test('the result does not depend on where the text is split', () => {
  const text = JSON.stringify({
    id: 'a"b\\',
    usage: { a: [1, { b: '}' }] },
    message: { usage: null, model: 'm', x: { usage: 1 } },
    z: [],
  })
  const expected = { id: 'a"b\\', usage: { a: [1, { b: '}' }] }, message: { usage: null, model: 'm' } }
  for (let at = 0; at <= text.length; at++) {
    const reader = createMemberReader()
    reader.take(text.slice(0, at))
    reader.take(text.slice(at))
    expect(reader.read()).toEqual(expected)
  }
})
