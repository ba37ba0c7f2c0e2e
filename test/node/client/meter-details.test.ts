/** Tokens that providers count apart: written to a cache, or of audio. The answers here are made by the tests. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, type LanguageModelMiddleware, wrapLanguageModel } from 'ai'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { meter as meterModel } from '../../../packages/tollgate/src/ai-sdk.ts'
import { meter as meterOpenAI } from '../../../packages/tollgate/src/openai.ts'
import { customer, tollgate, user } from './meter-world.ts'

const chat = (audioIn: number, audioOut: number) => ({
  choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'one' } }],
  usage: {
    prompt_tokens: 10,
    completion_tokens: 20,
    prompt_tokens_details: { cached_tokens: 2, audio_tokens: audioIn },
    completion_tokens_details: { audio_tokens: audioOut },
  },
})
const response = {
  output: [],
  usage: {
    input_tokens: 10,
    output_tokens: 20,
    input_tokens_details: { cached_tokens: 2, audio_tokens: 4 },
    output_tokens_details: { audio_tokens: 5 },
  },
}

test.each([
  ['as they are', 4, 5, { audio_input_tokens: 4, audio_output_tokens: 5 }],
  ['at most as the whole', 11, 21, { audio_input_tokens: 10, audio_output_tokens: 20 }],
])('audio tokens of a chat completion count %s', async (_, audioIn, audioOut, expected) => {
  const who = await customer()
  const fetch = async () => Response.json(chat(audioIn, audioOut))
  const client = meterOpenAI(new OpenAI({ apiKey: 'sk', fetch }), tollgate, who.options)
  await client.chat.completions.create({ model: 'gpt-4o-audio-preview', messages: user('a') })
  expect(await who.counted()).toMatchObject([{ input_tokens: 10, output_tokens: 20, cached_tokens: 2, ...expected }])
})

test('audio tokens of a response count', async () => {
  const who = await customer()
  const client = meterOpenAI(
    new OpenAI({ apiKey: 'sk', fetch: async () => Response.json(response) }),
    tollgate,
    who.options,
  )
  await client.responses.create({ model: 'gpt-4o', input: 'a' })
  expect(await who.counted()).toMatchObject([{ input_tokens: 10, audio_input_tokens: 4, audio_output_tokens: 5 }])
})

/** A provider that reports what it wrote to its cache. */
const writing = (cacheWrite: number): LanguageModelMiddleware => ({
  specificationVersion: 'v4',
  async wrapGenerate({ doGenerate }) {
    const result = await doGenerate()
    return { ...result, usage: { ...result.usage, inputTokens: { ...result.usage.inputTokens, cacheWrite } } }
  },
})

test.each([
  [3, 3],
  [11, 10],
])('%i tokens that a model of the AI SDK wrote to its cache count as %i of 10', async (cacheWrite, expected) => {
  const who = await customer()
  const fetch = async () => Response.json(chat(0, 0))
  const provider = createOpenAICompatible({ name: 'openai', baseURL: 'https://model.example.com', fetch })
  const middleware = [meterModel(tollgate, who.options), writing(cacheWrite)]
  await generateText({ model: wrapLanguageModel({ model: provider('gpt-4o'), middleware }), prompt: 'a' })
  expect(await who.counted()).toMatchObject([{ input_tokens: 10, cache_write_tokens: expected }])
})
