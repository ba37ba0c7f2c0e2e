/** Every way to call a model, metered: the use that the model reports is counted. */
import { generateText, streamText } from 'ai'
import { expect, test } from 'vitest'
import { QuotaExceededError } from '../../../packages/tollgate/src/index.ts'
import { anthropic, type Customer, collect, countTokens, customer, model, openai, user, words } from './meter-world.ts'

interface Asked {
  readonly prompt: string
  readonly signal?: AbortSignal
  readonly headers?: Record<string, string>
}

/** One way to call the model. @returns the pieces of text; a complete response is one */
type Ask = (who: Customer, asked: Asked) => AsyncIterable<string>

const WAYS: [string, string, Ask][] = [
  [
    'openai, whole',
    'openai gpt-4o',
    async function* (who, { prompt, signal, headers }) {
      const params = { model: 'gpt-4o', messages: user(prompt) }
      const answer = await openai(who, headers).chat.completions.create(params, { signal })
      yield answer.choices[0]?.message.content ?? ''
    },
  ],
  [
    'openai, streamed',
    'openai gpt-4o',
    async function* (who, { prompt, signal, headers }) {
      const params = { model: 'gpt-4o', messages: user(prompt), stream: true as const }
      for await (const { choices } of await openai(who, headers).chat.completions.create(params, { signal }))
        yield choices[0]?.delta.content ?? ''
    },
  ],
  [
    'openai responses, streamed',
    'openai gpt-4o',
    async function* (who, { prompt, signal, headers }) {
      const params = { model: 'gpt-4o', input: user(prompt), stream: true as const }
      for await (const event of await openai(who, headers).responses.create(params, { signal }))
        if (event.type === 'response.output_text.delta') yield event.delta
    },
  ],
  [
    'anthropic, whole',
    'anthropic claude-sonnet-4-5',
    async function* (who, { prompt, signal, headers }) {
      const params = { model: 'claude-sonnet-4-5', max_tokens: 60, messages: user(prompt) }
      const { content } = await anthropic(who, headers).messages.create(params, { signal })
      yield content[0]?.type === 'text' ? content[0].text : ''
    },
  ],
  [
    'anthropic, streamed',
    'anthropic claude-sonnet-4-5',
    async function* (who, { prompt, signal, headers }) {
      const params = { model: 'claude-sonnet-4-5', max_tokens: 60, messages: user(prompt), stream: true as const }
      for await (const event of await anthropic(who, headers).messages.create(params, { signal }))
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
    },
  ],
  [
    'ai, whole',
    'openai gpt-4o',
    async function* (who, { prompt, signal, headers }) {
      yield (
        await generateText({
          model: model(who, headers),
          prompt,
          maxRetries: 0,
          ...(signal && { abortSignal: signal }),
        })
      ).text
    },
  ],
  [
    'ai, streamed',
    'openai gpt-4o',
    async function* (who, { prompt, signal, headers }) {
      let failure: unknown
      const onError = ({ error }: { error: unknown }) => void (failure = error)
      const { textStream } = streamText({
        model: model(who, headers),
        prompt,
        ...(signal && { abortSignal: signal }),
        maxRetries: 0,
        onError,
      })
      for await (const text of textStream) yield text
      if (failure) throw failure
    },
  ],
]
const STREAMS = WAYS.filter(([name]) => name.endsWith('streamed'))

test.each(WAYS)('%s: the use that the model reports is counted', async (_, name, ask) => {
  const who = await customer()
  const said = await collect(ask(who, { prompt: 'one two three' }))

  expect(said.join('')).toBe('You said: one two three')
  const [provider, model] = name.split(' ')
  const [sent] = await who.sent()
  expect(await who.counted()).toMatchObject([
    {
      provider,
      model,
      endpoint: '/v1/answers',
      input_tokens: sent?.input_tokens,
      output_tokens: sent?.output_tokens,
    },
  ])
  expect([sent?.input_tokens, sent?.output_tokens]).toEqual([3, 5])
  expect(await who.tokens()).toMatchObject({ used: 8, held: 0 })
})

test.each(WAYS)('%s: without tokens left no model is called, and the error is a response', async (_, _name, ask) => {
  const who = await customer({ tokens: 20 })
  const error = await collect(ask(who, { prompt: words(10) })).catch((error: unknown) => error)

  expect(error).toBeInstanceOf(QuotaExceededError)
  const { status, headers, body } = error as QuotaExceededError
  const response = new Response(body, { status, headers })
  expect([response.status, response.headers.get('Content-Type')]).toEqual([429, 'application/problem+json'])
  expect(await response.json()).toMatchObject({ code: 'quota_exceeded', meter: 'tokens' })
  expect(await who.sent()).toEqual([])
  expect(await who.counted()).toEqual([])
})

test.each(STREAMS)('%s: a stream that breaks counts what had arrived', async (_, _name, ask) => {
  const who = await customer()
  const read: string[] = []
  const reading = async () => {
    for await (const text of ask(who, { prompt: words(30), headers: { 'X-Model-Fail-After': '7' } })) read.push(text)
  }
  await expect(reading()).rejects.toThrow()

  const [sent] = await who.sent()
  expect(sent).toMatchObject({ ended: 'failed', output_tokens: 7 })
  await expect.poll(who.counted, { timeout: 10_000 }).toMatchObject([{ input_tokens: 30, output_tokens: 7 }])
  await expect.poll(async () => (await who.tokens()).held, { timeout: 10_000 }).toBe(0)
})

test.each(STREAMS)(
  '%s: a stream that its reader aborts counts what had arrived, and stops the model',
  async (_, _name, ask) => {
    const who = await customer()
    const controller = new AbortController()
    const headers = { 'X-Model-Delay-Ms': '20' }
    let read = 0
    const reading = async () => {
      for await (const text of ask(who, { prompt: words(500), signal: controller.signal, headers })) {
        read += countTokens(text)
        if (read >= 5) controller.abort()
      }
    }
    await reading().catch(() => undefined) // some libraries throw, others end

    await expect.poll(async () => (await who.sent())[0]?.ended, { timeout: 10_000 }).toBe('hung_up')
    await expect.poll(who.counted, { timeout: 10_000 }).toHaveLength(1)
    const [[counted], [sent]] = await Promise.all([who.counted(), who.sent()])
    const { input_tokens, output_tokens } = counted as { input_tokens: number; output_tokens: number }
    expect(input_tokens).toBe(500)
    expect(output_tokens).toBeGreaterThanOrEqual(5)
    expect(output_tokens).toBeLessThanOrEqual(sent?.output_tokens ?? 0)
    await expect.poll(async () => (await who.tokens()).held, { timeout: 10_000 }).toBe(0)
  },
)

// The AI SDK tees its streams: leaving one of them ends nothing, and its users have to abort.
test.each(STREAMS.filter(([name]) => name !== 'ai, streamed'))(
  '%s: a stream that its reader leaves counts what had arrived',
  async (_, _name, ask) => {
    const who = await customer()
    for await (const text of ask(who, { prompt: words(500), headers: { 'X-Model-Delay-Ms': '20' } }))
      if (text.includes('w3')) break

    await expect.poll(async () => (await who.sent())[0]?.ended, { timeout: 10_000 }).toBe('hung_up')
    await expect.poll(who.counted, { timeout: 10_000 }).toHaveLength(1)
    const [{ output_tokens }] = (await who.counted()) as [{ output_tokens: number }]
    expect(output_tokens).toBeGreaterThanOrEqual(6)
    expect(output_tokens).toBeLessThan(500)
  },
)

test.each(WAYS.filter(([name]) => name.endsWith('whole')))(
  '%s: a call that is aborted before its answer counts its prompt',
  async (_, _name, ask) => {
    const who = await customer()
    const controller = new AbortController()
    const asked = { prompt: words(20), signal: controller.signal, headers: { 'X-Model-Delay-Ms': '10000' } }
    const asking = collect(ask(who, asked)).catch(() => undefined)
    await expect.poll(async () => (await who.sent()).length, { timeout: 10_000 }).toBe(1)
    controller.abort()
    await asking

    await expect.poll(who.counted, { timeout: 10_000 }).toMatchObject([{ input_tokens: 20, output_tokens: 0 }])
    await expect.poll(async () => (await who.tokens()).held, { timeout: 10_000 }).toBe(0)
  },
)

test.each(WAYS)(
  '%s: a call that the provider refuses counts nothing, and its error is the provider’s',
  async (_, _name, ask) => {
    const who = await customer()
    const asked = { prompt: 'one', headers: { 'X-Model-Status': '400' } }
    const error = await collect(ask(who, asked)).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toContain('This status was asked for')
    expect(error).not.toBeInstanceOf(QuotaExceededError)
    expect(await who.counted()).toEqual([])
    await expect.poll(async () => (await who.tokens()).held, { timeout: 10_000 }).toBe(0)
  },
)
