/** The providers' own libraries against the local model: their requests, their streams, their errors. */
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ModelCall } from '../../../local/stack/model/calls.ts'
import type { Stack } from '../../../local/stack/stack.ts'
import { openStack } from './support.ts'

let stack: Stack

beforeAll(async () => {
  stack = await openStack()
})
afterAll(() => stack.close())

/** Each test has its own caller. */
const caller = () => `sk-${crypto.randomUUID()}`
const openai = (apiKey = caller(), defaultHeaders: Record<string, string> = {}) =>
  new OpenAI({ apiKey, baseURL: `${stack.url}/model/openai/v1`, maxRetries: 0, defaultHeaders })
const anthropic = (apiKey = caller(), defaultHeaders: Record<string, string> = {}) =>
  new Anthropic({ apiKey, baseURL: `${stack.url}/model/anthropic`, maxRetries: 0, defaultHeaders })
/** The libraries always send a key: this removes it. */
const withoutKey: typeof fetch = (input, init) => {
  const headers = new Headers(init?.headers)
  headers.delete('authorization')
  headers.delete('x-api-key')
  return fetch(input, { ...init, headers })
}
const callsOf = async (key: string) =>
  (await (await fetch(`${stack.url}/model/calls?key=${key}`)).json()) as ModelCall[]

const user = (content: string): { role: 'user'; content: string }[] => [{ role: 'user', content }]
const system = (content: string) => ({ role: 'system', content }) as const
const words = (count: number) => Array.from({ length: count }, (_, at) => `w${at}`).join(' ')

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of stream) items.push(item)
  return items
}

describe('the library of OpenAI', () => {
  test('gets a response made from the prompt, with one token per word', async () => {
    const messages = [system('Be kind.'), ...user('one two three')]
    const answer = await openai().chat.completions.create({ model: 'gpt-4o', messages })
    expect(answer.choices).toMatchObject([
      { message: { role: 'assistant', content: 'You said: one two three' }, finish_reason: 'stop' },
    ])
    expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 5, total_tokens: 10 })
  })

  test('gets no more tokens than it requested', async () => {
    const model = 'gpt-4o'
    const old = await openai().chat.completions.create({ model, messages: user('a b'), max_tokens: 3 })
    const current = await openai().chat.completions.create({
      model,
      messages: user('a b'),
      max_completion_tokens: 2,
    })
    expect([old.choices[0]?.message.content, old.usage?.completion_tokens]).toEqual(['You said: a ', 3])
    expect([current.choices[0]?.finish_reason, current.usage?.completion_tokens]).toEqual(['length', 2])
  })

  test('gets the usage of a stream in its last chunk only if it requested it', async () => {
    const params = { model: 'gpt-4o', messages: user('a b'), stream: true as const }
    const plain = await collect(await openai().chat.completions.create(params))
    const counted = await collect(
      await openai().chat.completions.create({ ...params, stream_options: { include_usage: true } }),
    )
    const text = plain.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
    expect(text).toBe('You said: a b')
    expect(plain.every((chunk) => !('usage' in chunk) && chunk.choices.length === 1)).toBe(true)
    expect(counted.length).toBe(plain.length + 1)
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 4 } })
    expect(counted.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  })

  test('calls the tools that the prompt names, in parallel, whole or streamed', async () => {
    const tools = ['weather', 'time', 'news'].map((name) => ({ type: 'function', function: { name } }) as const)
    const params = { model: 'gpt-4o', messages: user('weather and time'), tools }
    const whole = await openai().chat.completions.create(params)
    const stream = openai().chat.completions.stream(params)
    const streamed = await stream.finalChatCompletion()
    for (const { choices } of [whole, streamed]) {
      const calls = choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function)
      const args = '{"text":"weather and time"}'
      expect(calls).toMatchObject([
        { name: 'weather', arguments: args },
        { name: 'time', arguments: args },
      ])
      expect(choices[0]?.finish_reason).toBe('tool_calls')
    }
    expect(whole.usage?.completion_tokens).toBe(6)
  })

  test('reads the start of an earlier prompt from the cache', async () => {
    const client = openai()
    const ask = (text: string) =>
      client.chat.completions.create({ model: 'gpt-4o', messages: [system('one two three'), ...user(text)] })
    expect((await ask('first')).usage?.prompt_tokens_details?.cached_tokens).toBe(0)
    expect((await ask('second')).usage).toMatchObject({ prompt_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } })
  })

  test('speaks the Responses API, whole and streamed', async () => {
    const params = { model: 'gpt-4o', instructions: 'Be kind.', input: 'a b' }
    const usage = { input_tokens: 4, output_tokens: 4, total_tokens: 8 }
    const whole = await openai().responses.create(params)
    expect(whole).toMatchObject({ status: 'completed', output_text: 'You said: a b', usage })
    const final = await openai().responses.stream(params).finalResponse()
    expect(final).toMatchObject({ output_text: 'You said: a b', usage })
    const cut = await openai().responses.create({ ...params, max_output_tokens: 1 })
    expect([cut.status, cut.incomplete_details?.reason]).toEqual(['incomplete', 'max_output_tokens'])
  })

  test('lists models', async () => {
    expect((await collect(await openai().models.list())).map(({ id }) => id)).toContain('gpt-4o')
  })

  test('recognizes every failure as its own', async () => {
    const ask = (headers: Record<string, string>) =>
      openai(caller(), headers).chat.completions.create({ model: 'm', messages: user('a') })
    const stranger = openai().withOptions({ fetch: withoutKey })
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError)
    await expect(stranger.chat.completions.create({ model: 'm', messages: user('a') })).rejects.toBeInstanceOf(
      OpenAI.AuthenticationError,
    )
    await expect(ask({ 'X-Model-Status': '429' })).rejects.toBeInstanceOf(OpenAI.RateLimitError)
    await expect(ask({ 'X-Model-Status': '500' })).rejects.toBeInstanceOf(OpenAI.InternalServerError)
    await expect(openai().chat.completions.create({ model: 'm', messages: [] })).rejects.toBeInstanceOf(
      OpenAI.BadRequestError,
    )
  })
})

describe('the library of Anthropic', () => {
  const params = { model: 'claude-sonnet-4-5', max_tokens: 100 }

  test('gets a response with its usage, whole and streamed', async () => {
    const messages = user('one two')
    const whole = await anthropic().messages.create({ ...params, system: 'Be kind.', messages })
    const expected = {
      content: [{ type: 'text', text: 'You said: one two' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: 4, output_tokens: 4 },
    }
    expect(whole).toMatchObject(expected)
    const stream = anthropic().messages.stream({ ...params, system: 'Be kind.', messages })
    expect(await stream.finalMessage()).toMatchObject(expected)
    const events = await collect(await anthropic().messages.create({ ...params, messages, stream: true }))
    expect(events[0]).toMatchObject({
      type: 'message_start',
      message: { usage: { input_tokens: 2, output_tokens: 1 } },
    })
    expect(events.slice(-2)).toMatchObject([
      { type: 'message_delta', usage: { output_tokens: 4 } },
      { type: 'message_stop' },
    ])
  })

  test('gets no more tokens than it requested, and must state a maximum', async () => {
    const cut = await anthropic().messages.create({ ...params, max_tokens: 2, messages: user('a b') })
    expect([cut.stop_reason, cut.usage.output_tokens]).toEqual(['max_tokens', 2])
    const without = { model: 'm', messages: user('a') } as unknown as Anthropic.MessageCreateParamsNonStreaming
    await expect(anthropic().messages.create(without)).rejects.toBeInstanceOf(Anthropic.BadRequestError)
  })

  test('calls the tools that the prompt names, whole or streamed', async () => {
    const tools = ['weather', 'time'].map((name) => ({ name, input_schema: { type: 'object' } }) as const)
    const asked = { ...params, tools, messages: user('weather and time') }
    const whole = await anthropic().messages.create(asked)
    const streamed = await anthropic().messages.stream(asked).finalMessage()
    for (const { content, stop_reason } of [whole, streamed]) {
      const input = { text: 'weather and time' }
      expect(content).toMatchObject([
        { type: 'tool_use', name: 'weather', input },
        { type: 'tool_use', name: 'time', input },
      ])
      expect(stop_reason).toBe('tool_use')
    }
  })

  test('writes what it marked to the cache and reads it from there; neither is in its input tokens', async () => {
    const client = anthropic()
    const system = [{ type: 'text', text: 'one two three', cache_control: { type: 'ephemeral' } }] as const
    const ask = async () =>
      (await client.messages.create({ ...params, system: [...system], messages: user('a b') })).usage
    expect(await ask()).toMatchObject({
      input_tokens: 2,
      cache_creation_input_tokens: 3,
      cache_read_input_tokens: 0,
    })
    expect(await ask()).toMatchObject({
      input_tokens: 2,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 3,
    })
  })

  test('recognizes every failure as its own', async () => {
    const ask = (headers: Record<string, string>) =>
      anthropic(caller(), headers).messages.create({ ...params, messages: user('a') })
    const stranger = anthropic().withOptions({ fetch: withoutKey })
    await expect(stranger.messages.create({ ...params, messages: user('a') })).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    )
    await expect(ask({ 'X-Model-Status': '429' })).rejects.toBeInstanceOf(Anthropic.RateLimitError)
    await expect(ask({ 'X-Model-Status': '529' })).rejects.toBeInstanceOf(Anthropic.InternalServerError)
  })
})

describe("the model's reports", () => {
  test('a caller that hangs up gets nothing more, and the model knows what it has sent', async () => {
    const key = caller()
    const client = openai(key, { 'X-Model-Delay-Ms': '20' })
    const stream = await client.chat.completions.create({
      model: 'gpt-4o',
      messages: user(words(500)),
      stream: true,
    })
    let read = 0
    for await (const { choices } of stream) {
      read += choices[0]?.delta.content ? 1 : 0
      if (read === 3) break
    }
    await expect.poll(async () => (await callsOf(key))[0]?.ended, { timeout: 10_000 }).toBe('hung_up')
    const [call] = await callsOf(key)
    expect(call).toMatchObject({ path: '/model/openai/v1/chat/completions', model: 'gpt-4o', input_tokens: 500 })
    expect(call?.output_tokens).toBeGreaterThanOrEqual(3)
    expect(call?.output_tokens).toBeLessThan(500)
  })

  test('a stream breaks off after the requested number of tokens, and a whole response never arrives', async () => {
    const key = caller()
    const client = anthropic(key, { 'X-Model-Fail-After': '3' })
    const asked = { model: 'm', max_tokens: 100, messages: user('a b c d') }
    const seen: string[] = []
    const read = async () => {
      for await (const event of await client.messages.create({ ...asked, stream: true })) seen.push(event.type)
    }
    await expect(read()).rejects.toThrow()
    expect(seen.filter((type) => type === 'content_block_delta')).toHaveLength(3)
    await expect(client.messages.create(asked)).rejects.toThrow()
    expect(await callsOf(key)).toMatchObject([
      { ended: 'failed', output_tokens: 0, is_stream: false },
      { ended: 'failed', output_tokens: 3, is_stream: true },
    ])
  })

  test('rules of the control API make calls fail if their text matches, as often as they say', async () => {
    const text = crypto.randomUUID()
    const rule = (body: object) => fetch(`${stack.url}/control/model`, { method: 'POST', body: JSON.stringify(body) })
    expect((await rule({ match: text, status: 429, count: 1 })).status).toBe(201)
    expect((await rule({ match: text, status: 200 })).status).toBe(400)
    const key = caller()
    const ask = () => openai(key).chat.completions.create({ model: 'm', messages: user(text) })
    await expect(ask()).rejects.toBeInstanceOf(OpenAI.RateLimitError)
    expect((await ask()).choices).toHaveLength(1)
    expect((await callsOf(key)).map(({ status, ended }) => [status, ended])).toEqual([
      [200, 'complete'],
      [429, 'refused'],
    ])
  })

  test('it is a service that can be made to fail like a proxy', async () => {
    const match = crypto.randomUUID()
    const fault = { door: 'model', kind: 'status', value: 502, match, count: 1 }
    await fetch(`${stack.url}/control/faults`, { method: 'POST', body: JSON.stringify(fault) })
    const ask = () => openai().chat.completions.create({ model: 'm', messages: user(match) })
    await expect(ask()).rejects.toMatchObject({ status: 502 })
    expect((await ask()).choices).toHaveLength(1)
  })
})
