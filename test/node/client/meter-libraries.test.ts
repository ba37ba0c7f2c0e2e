/** The specifics of each library: its helpers, its usage in streams, its caches. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, wrapLanguageModel } from 'ai'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { meter as meterModel } from '../../../packages/tollgate/src/ai-sdk.ts'
import { QuotaExceededError } from '../../../packages/tollgate/src/index.ts'
import { meter as meterOpenAI } from '../../../packages/tollgate/src/openai.ts'
import { anthropic, collect, connect, customer, openai, rawOpenAI, tollgate, user } from './meter-world.ts'

describe('openai', () => {
  const params = { model: 'gpt-4o', messages: user('a b'), stream: true as const }
  const comparable = (chunks: OpenAI.ChatCompletionChunk[]) => chunks.map((chunk) => ({ ...chunk, id: '', created: 0 }))

  test('a caller that did not request the usage of a stream does not see it, and one that did does', async () => {
    const who = await customer()
    for (const stream_options of [undefined, { include_usage: true }, { include_usage: false }]) {
      const asked = { ...params, ...(stream_options && { stream_options }) }
      const metered = await collect(await openai(who).chat.completions.create(asked))
      const plain = await collect(await rawOpenAI(who.apiKey).chat.completions.create(asked))
      expect(comparable(metered)).toEqual(comparable(plain))
    }
    expect(await who.counted()).toMatchObject(Array.from({ length: 3 }, () => ({ input_tokens: 2, output_tokens: 4 })))
  })

  test('every helper of the library is metered, and parallel tool calls arrive unchanged', async () => {
    const who = await customer()
    const tools = ['weather', 'time'].map((name) => ({ type: 'function', function: { name, parameters: {} } }) as const)
    const asked = { model: 'gpt-4o', messages: user('weather and time'), tools }
    const whole = await openai(who).chat.completions.create(asked)
    const streamed = await openai(who).chat.completions.stream(asked).finalChatCompletion()
    const runnable = tools.map(({ function: { name } }) => ({
      type: 'function' as const,
      function: { name, description: name, parameters: {}, parse: JSON.parse, function: () => 'done' },
    }))
    await openai(who)
      .chat.completions.runTools({ ...asked, tools: runnable })
      .done()

    for (const { choices } of [whole, streamed]) {
      const calls = choices[0]?.message.tool_calls?.map((call) => call.type === 'function' && call.function)
      const args = '{"text":"weather and time"}'
      expect(calls).toMatchObject([
        { name: 'weather', arguments: args },
        { name: 'time', arguments: args },
      ])
    }
    const counted = (await who.counted()) as { input_tokens: number; output_tokens: number }[]
    const sent = await who.sent()
    const pairs = (calls: { input_tokens: number; output_tokens: number }[]) =>
      calls.map(({ input_tokens, output_tokens }) => `${input_tokens} ${output_tokens}`).toSorted()
    expect(counted.length).toBe(4) // running tools calls again with their results
    expect(pairs(counted)).toEqual(pairs(sent))
  })

  test('cached tokens are counted as such', async () => {
    const who = await customer()
    for (const text of ['first', 'second'])
      await openai(who).chat.completions.create({
        model: 'gpt-4o',
        messages: [{ role: 'system', content: 'one two three' }, ...user(text)],
      })
    expect(await who.counted()).toMatchObject([
      { input_tokens: 4, cached_tokens: 0 },
      { input_tokens: 4, cached_tokens: 3 },
    ])
  })

  test('the maximum use of a call is held while it runs: its prompt and its limit', async () => {
    const who = await customer()
    const asked = { model: 'gpt-4o', messages: user('a b'), max_completion_tokens: 30, stream: true as const }
    const stream = await openai(who).chat.completions.create(asked)
    expect((await who.tokens()).held).toBe(32)
    await collect(stream)
    expect(await who.tokens()).toMatchObject({ held: 0, used: 6 })
  })

  test('a copy of the client is metered as well, and the client itself is not', async () => {
    const who = await customer({ tokens: 1 })
    const plain = rawOpenAI(who.apiKey)
    const copy = meterOpenAI(plain, tollgate, who.options).withOptions({ timeout: 5_000 })
    const asked = { model: 'gpt-4o', messages: user('a b') }
    await expect(copy.chat.completions.create(asked)).rejects.toBeInstanceOf(QuotaExceededError)
    expect((await plain.chat.completions.create(asked)).choices).toHaveLength(1)
  })

  test('a call that uses no tokens goes through even if none are left', async () => {
    const who = await customer({ tokens: 0 })
    expect((await collect(await openai(who).models.list())).length).toBeGreaterThan(0)
  })

  test('while Tollgate is down the model is not called, or it is called and its use is recorded', async () => {
    const who = await customer()
    let isAway = true
    const client = connect({
      retries: 0,
      fetch: (request) => (isAway ? Promise.reject(new TypeError('Away.')) : fetch(request)),
    })
    const ask = (onUnavailable?: 'allow') =>
      meterOpenAI(rawOpenAI(who.apiKey), client, { ...who.options, onUnavailable }).chat.completions.create({
        model: 'gpt-4o',
        messages: user('a b'),
      })
    await expect(ask()).rejects.toMatchObject({ name: 'UnavailableError', code: 'network_error' })
    expect(await who.sent()).toEqual([])
    expect((await ask('allow')).choices).toHaveLength(1)
    isAway = false
    await client.usage.flush()
    expect(await who.counted()).toMatchObject([{ input_tokens: 2, output_tokens: 4 }])
  })
})

describe('anthropic', () => {
  test('tokens read from or written to the cache count as input', async () => {
    const who = await customer()
    const system = [{ type: 'text' as const, text: 'one two three', cache_control: { type: 'ephemeral' as const } }]
    for (const stream of [false, true] as const) {
      const asked = { model: 'claude-sonnet-4-5', max_tokens: 20, system, messages: user('a b') }
      if (stream) await anthropic(who).messages.stream(asked).finalMessage()
      else await anthropic(who).messages.create(asked)
    }
    expect(await who.counted()).toMatchObject([
      { input_tokens: 5, output_tokens: 4, cached_tokens: 0 },
      { input_tokens: 5, output_tokens: 4, cached_tokens: 3 },
    ])
  })

  test('parallel tool calls arrive unchanged', async () => {
    const who = await customer()
    const tools = ['weather', 'time'].map((name) => ({ name, input_schema: { type: 'object' as const } }))
    const asked = { model: 'claude-sonnet-4-5', max_tokens: 20, tools, messages: user('weather and time') }
    const { content } = await anthropic(who).messages.stream(asked).finalMessage()
    const input = { text: 'weather and time' }
    expect(content).toMatchObject([
      { type: 'tool_use', name: 'weather', input },
      { type: 'tool_use', name: 'time', input },
    ])
    expect(await who.counted()).toMatchObject([{ input_tokens: 3, output_tokens: 6 }])
  })
})

const CUT = '{"choices": [{"message": {"content": "one two'

/** An answer of a model that ends, or whose connection breaks, in the middle. */
function cutAnswer(breaks: boolean): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(CUT))
      if (!breaks) controller.close()
    },
    pull: (controller) => controller.error(new TypeError('The connection broke.')),
  })
  return new Response(body, { headers: { 'Content-Type': 'application/json' } })
}

test.each([
  ['breaks', true],
  ['ends early', false],
])('of an answer that %s, the prompt counts', async (_, breaks) => {
  const fetch = async () => cutAnswer(breaks)
  const who = await customer()
  const client = meterOpenAI(new OpenAI({ apiKey: 'sk', fetch, maxRetries: 0 }), tollgate, who.options)
  await client.chat.completions.create({ model: 'gpt-4o', messages: user('a b c') }).catch(() => undefined)
  expect(await who.counted()).toMatchObject([{ input_tokens: 3, output_tokens: 0 }])

  const other = await customer()
  const provider = createOpenAICompatible({ name: 'openai', baseURL: 'https://model.example.com', fetch })
  const model = wrapLanguageModel({ model: provider('gpt-4o'), middleware: meterModel(tollgate, other.options) })
  await expect(generateText({ model, prompt: 'a b c', maxRetries: 0 })).rejects.toThrow()
  expect(await other.counted()).toMatchObject([{ input_tokens: 3, output_tokens: 0 }])
})

test('in a Worker, the settlement is passed to waitUntil before the response has ended', async () => {
  const who = await customer()
  const work: Promise<unknown>[] = []
  const client = meterOpenAI(rawOpenAI(who.apiKey), tollgate, {
    ...who.options,
    waitUntil: (one) => void work.push(one),
  })
  const stream = await client.chat.completions.create({ model: 'gpt-4o', messages: user('a b'), stream: true })
  expect(work).toHaveLength(1)
  await collect(stream)
  await Promise.all(work)
  expect(await who.counted()).toMatchObject([{ output_tokens: 4 }])
})
