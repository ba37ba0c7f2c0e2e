import { expect, test } from 'vitest'
import { estimate } from '../../../src/gateway/llm/estimate.ts'
import { createUsageReader } from '../../../src/gateway/llm/usage.ts'
import { SAMPLE_PROMPTS, TOKENS_PER_FILE, TOKENS_PER_TEXT, TOLERANCE_TOKENS } from '../../support/sample-prompts.ts'

test('a prompt of any depth can be estimated', () => {
  const deep = JSON.parse(`${'['.repeat(50_000)}"four"${']'.repeat(50_000)}`) as unknown
  expect(estimate({ model: 'm', messages: deep })).toMatchObject({ input_tokens: 1 })
})

test('the prompt is estimated by its text, and the response by what the request allows', () => {
  const messages = [{ role: 'user', content: 'x'.repeat(400) }]
  expect(estimate({ model: 'm', messages, max_tokens: 50 })).toEqual({
    model: 'm',
    input_tokens: 100,
    output_tokens: 50,
  })
  expect(estimate({ model: 'm', messages, max_completion_tokens: 7, max_tokens: 50, n: 3 }).output_tokens).toBe(21)
  expect(estimate({ messages }).output_tokens).toBe(4_096)
  expect(estimate({ model: 'text-embedding-3', input: ['x'.repeat(40)] })).toMatchObject({
    input_tokens: 10,
    output_tokens: 0,
  })
  expect(estimate({ model: 'gpt-5', input: 'x', max_output_tokens: 9 }).output_tokens).toBe(9)
})

test('a token id counts as one token, in one prompt or in several', () => {
  const ids = Array.from({ length: 8_000 }, (_, at) => at)
  expect(estimate({ model: 'text-embedding-3-small', input: [ids, ids] })).toMatchObject({
    input_tokens: 16_000,
    output_tokens: 0,
  })
  expect(estimate({ model: 'text-embedding-3-small', input: ids, dimensions: 256 }).input_tokens).toBe(8_000)
  expect(estimate({ model: 'm', prompt: ids, max_tokens: 5, logit_bias: { 50_256: -100 } })).toMatchObject({
    input_tokens: 8_000,
    output_tokens: 5,
  })
})

test.each([
  [{ prompt: 'a' }, 1],
  [{ prompt: [] }, 1],
  [{ prompt: ['a', 'b', 'c'] }, 3],
  [{ prompt: [[1, 2], [3], [4]], n: 2 }, 6],
  [{ prompt: ['a', 'b'], n: 2, best_of: 5 }, 10],
  [{ prompt: 'a', n: 2, best_of: 1 }, 2],
  [{ prompt: 'a', best_of: 1_000 }, 128],
])(
  'the response is estimated for each prompt, and for the most answers that the model may write: %j',
  (asked, answers) => expect(estimate({ ...asked, max_tokens: 7 }).output_tokens).toBe(7 * answers),
)

test('however much a request allows, the estimate is a number that can be held', () => {
  expect(estimate({ prompt: ['a', 'b'], n: 128, max_tokens: Number.MAX_SAFE_INTEGER }).output_tokens).toBe(
    1_000_000_000,
  )
})

test('a picture does not count as text, however long', () => {
  const url = `data:image/png;base64,${'A'.repeat(1_000_000)}`
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }]
  expect(estimate({ messages, max_tokens: 1 }).input_tokens).toBe(1_600)
})

test.each(Object.entries(SAMPLE_PROMPTS))('every text of a prompt counts, and no id: %s', (_, prompt) => {
  const { input_tokens } = estimate({ model: 'm', ...prompt.body })
  const surplus = input_tokens - prompt.texts * TOKENS_PER_TEXT - prompt.files * TOKENS_PER_FILE
  expect(surplus).toBeGreaterThanOrEqual(0)
  expect(surplus).toBeLessThan(TOLERANCE_TOKENS)
})

const tokensOf = (message: object) => estimate({ messages: [message], max_tokens: 1 }).input_tokens
const LONG = 'x'.repeat(100_000)

test.each([
  [{ content: [{ type: 'input_audio', input_audio: { data: LONG, format: 'x'.repeat(4) } }] }, 1_601],
  [{ content: [{ type: 'image', source: { type: 'base64', data: LONG } }] }, 1_600],
  [{ content: [{ type: 'input_file', file_data: LONG }] }, 1_600],
  [{ content: [{ type: 'input_image', image_url: `data:image/png;base64,${LONG}` }] }, 1_600],
  [{ image: { b64_json: LONG } }, 1_600],
])('the place of a value decides that it is a file: %#', (message, tokens) => {
  expect(tokensOf(message)).toBe(tokens)
})

test.each([
  [{ content: 'word_'.repeat(20_000) }],
  [{ content: `data:${'x'.repeat(99_995)}` }],
  [{ content: [`data:${'x'.repeat(99_995)}`] }],
  [{ content: [{ type: 'document', source: { type: 'text', data: LONG } }] }],
  [{ content: [{ type: 'input_file', file_data: `data:text/plain;base64,${'x'.repeat(99_977)}` }] }],
  [{ data: LONG }],
  [{ url: LONG }],
])('a long text without spaces is text anywhere else: %#', (message) => {
  expect(tokensOf(message)).toBe(25_000)
})

test.each(['漢', 'か', 'カ', '한', 'ไ', 'ខ', 'မ', '𠮷'])(
  'a character of a script without spaces counts at least one token: %s',
  (letter) => {
    expect(tokensOf({ content: letter.repeat(2_000) })).toBeGreaterThanOrEqual(2_000)
    const delta = { type: 'response.output_text.delta', delta: letter.repeat(2_000) }
    expect(read('openai', delta as never).use.output_tokens).toBeGreaterThanOrEqual(2_000)
  },
)

const read = (provider: 'openai' | 'anthropic', ...events: object[]) => {
  const reader = createUsageReader(provider)
  for (const event of events) reader.take(event as never)
  return reader.read()
}

const chunk = (delta: object) => ({ model: 'm', choices: [{ index: 0, delta }], usage: null })

test('for OpenAI the usage counts, and until it arrives each piece of text is a token', () => {
  const pieces = [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'a' }),
    chunk({ content: 'b' }),
    chunk({}),
  ]
  const usage = { prompt_tokens: 5, completion_tokens: 9, prompt_tokens_details: { cached_tokens: 3 } }

  expect(read('openai', ...pieces)).toEqual({ model: 'm', use: { output_tokens: 2 }, isFinal: false })
  expect(read('openai', ...pieces, { model: 'm', choices: [], usage })).toEqual({
    model: 'm',
    use: { input_tokens: 5, output_tokens: 9, cached_tokens: 3 },
    isFinal: true,
  })
  expect(read('openai', chunk({ tool_calls: [{ index: 0 }] }), chunk({ reasoning_content: 'r' })).use).toEqual({
    output_tokens: 2,
  })
})

test('usage in every chunk replaces the one before, and later text is added', () => {
  const told = { ...chunk({ content: 'b' }), usage: { prompt_tokens: 5, completion_tokens: 2 } }
  expect(read('openai', chunk({ content: 'a' }), told, chunk({ content: 'c' })).use).toEqual({
    input_tokens: 5,
    output_tokens: 3,
  })
})

test('for the Responses API the last event has the usage', () => {
  const response = {
    model: 'm',
    usage: { input_tokens: 4, output_tokens: 6, input_tokens_details: { cached_tokens: 1 } },
  }
  const delta = { type: 'response.output_text.delta', delta: 'a' }
  expect(read('openai', delta).use).toEqual({ output_tokens: 1 })
  expect(read('openai', delta, { type: 'response.completed', response })).toMatchObject({
    use: { input_tokens: 4, output_tokens: 6, cached_tokens: 1 },
    isFinal: true,
  })
})

test('for Anthropic the prompt is known at once, and the total of the response replaces the pieces', () => {
  const usage = { input_tokens: 4, output_tokens: 1, cache_read_input_tokens: 2, cache_creation_input_tokens: 3 }
  const start = { type: 'message_start', message: { model: 'c', usage } }
  const delta = { type: 'content_block_delta', delta: { type: 'text_delta', text: 'a' } }
  const cached = { cache_read_input_tokens: 2, cache_creation_input_tokens: 3 }

  expect(read('anthropic', start).use).toEqual({ input_tokens: 4, output_tokens: 0, ...cached })
  expect(read('anthropic', start, delta, delta).use).toEqual({ input_tokens: 4, output_tokens: 2, ...cached })
  expect(read('anthropic', start, delta, { type: 'message_delta', usage: { output_tokens: 8 } })).toEqual({
    model: 'c',
    use: { input_tokens: 4, output_tokens: 8, ...cached },
    isFinal: true,
  })
})

test('a long piece of a stream that ends early is more than one token', () => {
  const text = 'x'.repeat(40)
  const start = { type: 'message_start', message: { model: 'c', usage: { input_tokens: 4 } } }
  const deltas = [{ text }, { partial_json: text }, { thinking: text }]
  for (const delta of deltas)
    expect(read('anthropic', start, { type: 'content_block_delta', delta }).use.output_tokens).toBe(10)
  const calls = [{ index: 0, function: { arguments: text } }]
  for (const delta of [{ content: text }, { reasoning: text }, { tool_calls: calls }])
    expect(read('openai', chunk(delta)).use).toEqual({ output_tokens: 10 })
  expect(read('openai', { choices: [{ text }] }).use).toEqual({ output_tokens: 10 })
  expect(read('openai', { type: 'response.output_text.delta', delta: text }).use).toEqual({ output_tokens: 10 })
})

test('invalid usage is ignored: absent, negative, text, or too large', () => {
  for (const prompt_tokens of [-1, '5', 1.5, 2 ** 60, null])
    expect(read('openai', { usage: { prompt_tokens, completion_tokens: 1 } }).use).toEqual({ output_tokens: 1 })
})
