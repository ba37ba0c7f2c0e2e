/** What the wrappers of models count as the text of prompts and answers. */
import { expect, test } from 'vitest'
import { readText } from '../../../packages/tollgate/src/model-text.ts'
import { SAMPLE_PROMPTS, TOKENS_PER_TEXT, TOLERANCE_TOKENS } from '../../support/sample-prompts.ts'

test.each(Object.entries(SAMPLE_PROMPTS))('every text of a prompt counts, and no id: %s', (_, prompt) => {
  const { texts, files } = readText(prompt.body)
  expect(files).toBe(prompt.files)
  const surplus = texts.join('').length / 4 - prompt.texts * TOKENS_PER_TEXT
  expect(surplus).toBeGreaterThanOrEqual(0)
  expect(surplus).toBeLessThan(TOLERANCE_TOKENS)
})

const TEXT = 'word'.repeat(25_000)

test.each([
  [
    'a text result of a tool',
    [{ type: 'tool-result', toolCallId: TEXT, toolName: 'f', output: { type: 'text', value: TEXT } }],
    1,
    0,
  ],
  [
    'a JSON result, with its names',
    [{ type: 'tool-result', output: { type: 'json', value: [{ [TEXT]: TEXT, n: 1 }] } }],
    2,
    0,
  ],
  [
    'a result of parts',
    [{ type: 'tool-result', output: { type: 'content', value: [{ type: 'text', text: TEXT }] } }],
    1,
    0,
  ],
  ['a call of a tool', [{ type: 'tool-call', toolCallId: TEXT, toolName: 'f', input: { city: TEXT } }], 1, 0],
  ['a text document', [{ type: 'file', mediaType: 'text/plain', data: { type: 'text', text: TEXT } }], 1, 0],
  ['bytes', [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: new Uint8Array(9) } }], 0, 1],
  ['base64', [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: TEXT } }], 0, 1],
])('of a prompt of the AI SDK counts %s', (_, content, texts, files) => {
  const found = readText({ prompt: [{ role: 'user', content }], responseFormat: { type: 'json' } })
  expect(found.files).toBe(files)
  expect(Math.round(found.texts.join('').length / TEXT.length)).toBe(texts)
})
