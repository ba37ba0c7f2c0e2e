/** The tokens of answers that report no usage, or end before they do. */
import { expect, test } from 'vitest'
import { createUsageReader, type Provider } from '../../../src/gateway/llm/usage.ts'

const FORTY = 'word'.repeat(40)

const count = (provider: Provider, ...events: object[]) => {
  const reader = createUsageReader(provider)
  for (const event of events) reader.take(event as never)
  return reader.read().use.output_tokens ?? 0
}

const MESSAGES: [string, object][] = [
  ['text', { role: 'assistant', content: FORTY, annotations: [{ title: FORTY }] }],
  ['reasoning', { reasoning_content: FORTY }],
  ['a refusal', { refusal: FORTY }],
  ['a tool call', { tool_calls: [{ id: FORTY, type: 'function', function: { name: '', arguments: FORTY } }] }],
  ['a custom tool call', { tool_calls: [{ id: FORTY, type: 'custom', custom: { name: '', input: FORTY } }] }],
  ['a legacy function call', { function_call: { name: '', arguments: FORTY } }],
  ['speech, by its transcript', { audio: { id: FORTY, data: FORTY.repeat(99), transcript: FORTY } }],
]

test.each(MESSAGES)('of a chat completion counts %s, in a piece or whole', (_, message) => {
  expect(count('openai', { choices: [{ delta: message }] })).toBe(40)
  expect(count('openai', { choices: [{ message, finish_reason: 'stop' }] })).toBe(40)
})

test.each([
  ['text', { type: 'message', content: [{ type: 'output_text', text: FORTY }] }],
  ['a function call', { type: 'function_call', call_id: FORTY, name: '', arguments: FORTY }],
  ['reasoning', { type: 'reasoning', id: FORTY, summary: [{ type: 'summary_text', text: FORTY }] }],
])('of a whole response counts %s', (_, item) => {
  expect(count('openai', { object: 'response', id: FORTY, output: [item] })).toBe(40)
})

test('of a streamed response counts each piece once, and no sound', () => {
  const pieces = ['response.output_text.delta', 'response.custom_tool_call_input.delta', 'response.audio.delta']
  const output = [{ type: 'message', content: [{ type: 'output_text', text: FORTY + FORTY }] }]
  const end = { type: 'response.completed', response: { object: 'response', output } }
  expect(count('openai', ...pieces.map((type) => ({ type, item_id: FORTY, delta: FORTY })), end)).toBe(80)
})

test.each([
  ['text', { type: 'text', text: FORTY, citations: [{ cited_text: FORTY }] }, 40],
  ['thinking', { type: 'thinking', thinking: FORTY, signature: FORTY }, 40],
  ['a tool call', { type: 'tool_use', id: FORTY, name: '', input: { city: FORTY } }, 41],
])('of a whole Anthropic message counts %s', (_, block, tokens) => {
  expect(count('anthropic', { type: 'message', content: [block] })).toBe(tokens)
})

test.each([
  [{ type: 'text_delta', text: FORTY }, 40],
  [{ type: 'input_json_delta', partial_json: FORTY }, 40],
  [{ type: 'signature_delta', signature: FORTY }, 0],
  [{ type: 'citations_delta', citation: { cited_text: FORTY } }, 0],
])('of an Anthropic stream counts what was written: %j', (delta, tokens) => {
  expect(count('anthropic', { type: 'content_block_delta', delta })).toBe(tokens)
})

test('usage that a whole answer reports counts instead of its texts, and what is no text counts nothing', () => {
  const usage = { prompt_tokens: 1, completion_tokens: 2 }
  expect(count('openai', { choices: [{ message: { content: FORTY } }], usage })).toBe(2)
  expect(count('openai', { data: [{ embedding: FORTY }, { b64_json: FORTY }], object: 'list', id: FORTY })).toBe(0)
})
