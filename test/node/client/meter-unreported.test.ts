/** Calls whose provider reports no usage, names no limit, or names the model only in its answer. The answers are the tests' own. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { generateText, streamText, tool, wrapLanguageModel } from 'ai'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { meter as meterModel } from '../../../packages/tollgate/src/ai-sdk.ts'
import { meter as meterAnthropic } from '../../../packages/tollgate/src/anthropic.ts'
import type { ReserveInput, SettleInput } from '../../../packages/tollgate/src/binding-types.ts'
import type { MeterClient } from '../../../packages/tollgate/src/meter.ts'
import { meter as meterOpenAI } from '../../../packages/tollgate/src/openai.ts'

const FORTY = 'word'.repeat(40)

/** A Tollgate that grants everything. */
function recording() {
  const [held, settled]: [ReserveInput[], SettleInput[]] = [[], []]
  const usage = {
    reserve: async (input: ReserveInput) => (held.push(input), { granted: true, reservation_id: 'hold_1' }),
    settle: async (input: SettleInput) => void settled.push(input),
    keep: async () => undefined,
    track: (_: unknown, work: Promise<void>) => work,
  }
  return { held, settled, client: { usage } as unknown as MeterClient }
}

const sse = (...events: object[]) =>
  new Response(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''), {
    headers: { 'Content-Type': 'text/event-stream' },
  })

const openai = (client: MeterClient, answer: () => Response) =>
  meterOpenAI(new OpenAI({ apiKey: 'sk', maxRetries: 0, fetch: async () => answer() }), client, { key_id: 'k' })
const anthropic = (client: MeterClient, answer: () => Response) =>
  meterAnthropic(new Anthropic({ apiKey: 'sk', maxRetries: 0, fetch: async () => answer() }), client, { key_id: 'k' })
const model = (client: MeterClient, answer: () => Response) => {
  const provider = createOpenAICompatible({
    name: 'own',
    baseURL: 'https://own.example.com',
    fetch: async () => answer(),
  })
  return wrapLanguageModel({ model: provider('m'), middleware: meterModel(client, { key_id: 'k' }) })
}

const ASKED = { model: 'm', messages: [{ role: 'user' as const, content: 'a' }] }
const CALL = { id: FORTY, type: 'function', function: { name: 'f', arguments: JSON.stringify({ a: FORTY }) } }
const chat = (message: object) => () =>
  Response.json({ id: FORTY, model: 'm', choices: [{ index: 0, finish_reason: 'stop', message }] })

test.each([
  ['text', { content: FORTY }],
  ['reasoning', { content: '', reasoning: FORTY }],
  ['a tool call', { tool_calls: [{ ...CALL, function: { name: 'f', arguments: FORTY } }] }],
  ['a custom tool call', { tool_calls: [{ id: FORTY, type: 'custom', custom: { name: 'f', input: FORTY } }] }],
  ['a function call', { function_call: { name: 'f', arguments: FORTY } }],
  ['speech, by its transcript', { audio: { id: FORTY, data: FORTY.repeat(9), transcript: FORTY } }],
])('of an OpenAI answer without usage counts %s, whole and streamed', async (_, message) => {
  const { settled, client } = recording()
  await openai(client, chat(message)).chat.completions.create(ASKED)
  const stream = await openai(client, () => sse({ choices: [{ delta: message }] })).chat.completions.create({
    ...ASKED,
    stream: true,
  })
  for await (const _ of stream);
  expect(settled.map(({ output_tokens }) => output_tokens)).toEqual([
    expect.closeTo(40, -0.5),
    expect.closeTo(40, -0.5),
  ])
})

test.each([
  ['text', { type: 'message', content: [{ type: 'output_text', text: FORTY, annotations: [{ title: FORTY }] }] }],
  ['a function call', { type: 'function_call', call_id: FORTY, name: 'f', arguments: FORTY }],
  ['reasoning', { type: 'reasoning', id: FORTY, summary: [{ type: 'summary_text', text: FORTY }] }],
])('of a response without usage counts %s', async (_, item) => {
  const { settled, client } = recording()
  const answer = () => Response.json({ id: FORTY, model: 'm', output: [item] })
  await openai(client, answer).responses.create({ model: 'm', input: 'a' })
  expect(settled).toEqual([expect.objectContaining({ output_tokens: expect.closeTo(40, -0.5) })])
})

test.each([
  ['text', { type: 'text', text: FORTY }],
  ['thinking', { type: 'thinking', thinking: FORTY, signature: FORTY }],
  ['a tool call', { type: 'tool_use', id: FORTY, name: 'f', input: { a: FORTY } }],
])('of an Anthropic message without usage counts %s', async (_, block) => {
  const { settled, client } = recording()
  const answer = () => Response.json({ type: 'message', model: 'm', content: [block] })
  await anthropic(client, answer).messages.create({ ...ASKED, max_tokens: 9 })
  expect(settled).toEqual([expect.objectContaining({ output_tokens: expect.closeTo(40, -1) })])
})

test('of an answer of the AI SDK without usage its text and its tool calls count once, whole and streamed', async () => {
  const { settled, client } = recording()
  const tools = { f: tool({ inputSchema: z.object({ a: z.string() }), execute: async () => 'done' }) }
  const message = { role: 'assistant', content: FORTY, tool_calls: [CALL] }
  await generateText({ model: model(client, chat(message)), prompt: 'a', tools })
  const delta = { ...message, tool_calls: [{ index: 0, ...CALL }] }
  const answer = () => sse({ choices: [{ delta }] }, { choices: [{ delta: {}, finish_reason: 'tool_calls' }] })
  await streamText({ model: model(client, answer), prompt: 'a', tools }).consumeStream()
  expect(settled.map(({ output_tokens }) => output_tokens)).toEqual([expect.closeTo(82, -1), expect.closeTo(82, -1)])
})

test('a call that names no model is settled with that of its answer', async () => {
  const { held, settled, client } = recording()
  const answer = () => Response.json({ model: 'gpt-5', output: [], usage: { input_tokens: 3, output_tokens: 4 } })
  await openai(client, answer).responses.create({ prompt: { id: 'pmpt_1' } })
  expect(held[0]).not.toHaveProperty('model')
  expect(settled).toMatchObject([{ model: 'gpt-5', input_tokens: 3, output_tokens: 4 }])
})

test('a call that asks for several answers, and sets no limit, holds the usual tokens of each', async () => {
  const { held, client } = recording()
  await openai(client, chat({ content: 'a' })).chat.completions.create({ ...ASKED, n: 10 })
  expect(held).toMatchObject([{ output_tokens: 40_960 }])
})

test('a picture in a prompt holds tokens', async () => {
  const { held, client } = recording()
  const url = `data:image/png;base64,${'A'.repeat(100_000)}`
  const content = [{ type: 'image_url' as const, image_url: { url } }]
  await openai(client, chat({ content: 'a' })).chat.completions.create({
    ...ASKED,
    messages: [{ role: 'user', content }],
  })
  expect(held).toMatchObject([{ input_tokens: 1_600 }])
})
