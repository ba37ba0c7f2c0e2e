/** When an answer ends, and what waits for its settlement: `waitUntil`, `flush`, or the end of the program. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, streamText, wrapLanguageModel } from 'ai'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { meter as meterModel } from '../../../packages/tollgate/src/ai-sdk.ts'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'
import { type MeterOptions, meter as meterOpenAI } from '../../../packages/tollgate/src/openai.ts'

/** A Tollgate that settles only when the test says so. */
function slowTollgate() {
  const settling = Promise.withResolvers<void>()
  const settled: unknown[] = []
  async function fetch(request: Request): Promise<Response> {
    if (request.url.endsWith('/reserve')) return Response.json({ granted: true, reservation_id: 'hold_1' })
    await settling.promise
    settled.push(await request.json())
    return Response.json({})
  }
  const client = new Tollgate({ baseUrl: 'https://tollgate.example.com', serviceKey: 'svc', timeoutMs: 60_000, fetch })
  return { client, settled, settle: settling.resolve }
}

const USAGE = { prompt_tokens: 3, completion_tokens: 4 }
const MESSAGE = { role: 'assistant', content: 'one' }
const whole = () =>
  Response.json({ model: 'm', choices: [{ index: 0, finish_reason: 'stop', message: MESSAGE }], usage: USAGE })
const streamed = () =>
  new Response(`data: ${JSON.stringify({ choices: [{ delta: MESSAGE }], usage: USAGE })}\n\n`, {
    headers: { 'Content-Type': 'text/event-stream' },
  })
const ASKED = { model: 'm', messages: [{ role: 'user' as const, content: 'a' }] }

const openai = (client: Tollgate, options: MeterOptions, answer: () => Response) =>
  meterOpenAI(new OpenAI({ apiKey: 'sk', maxRetries: 0, fetch: async () => answer() }), client, options)
const model = (client: Tollgate, options: MeterOptions, answer: () => Response) => {
  const provider = createOpenAICompatible({
    name: 'own',
    baseURL: 'https://own.example.com',
    fetch: async () => answer(),
  })
  return wrapLanguageModel({ model: provider('m'), middleware: meterModel(client, options) })
}

const WAYS: [string, (client: Tollgate, options: MeterOptions) => Promise<unknown>][] = [
  ['openai, whole', (client, options) => openai(client, options, whole).chat.completions.create(ASKED)],
  [
    'openai, streamed',
    async (client, options) => {
      const stream = await openai(client, options, streamed).chat.completions.create({ ...ASKED, stream: true })
      for await (const _ of stream);
    },
  ],
  [
    'openai, refused by the provider',
    (client, options) =>
      openai(client, options, () => new Response('{}', { status: 400 }))
        .chat.completions.create(ASKED)
        .catch(() => undefined),
  ],
  ['ai, whole', (client, options) => generateText({ model: model(client, options, whole), prompt: 'a' })],
  [
    'ai, streamed',
    async (client, options) => streamText({ model: model(client, options, streamed), prompt: 'a' }).consumeStream(),
  ],
]

test.each(WAYS)('with waitUntil an answer does not wait for its settlement: %s', async (_, ask) => {
  const { client, settled, settle } = slowTollgate()
  const work: Promise<unknown>[] = []
  await ask(client, { key_id: 'k', waitUntil: (one) => void work.push(one) })
  expect(settled).toEqual([])
  settle()
  await Promise.all(work)
  expect(settled).toMatchObject([{ reservation_id: 'hold_1' }])
})

test.each(WAYS)('without waitUntil an answer ends with its settlement: %s', async (_, ask) => {
  const { client, settled, settle } = slowTollgate()
  let isOver = false
  const asking = ask(client, { key_id: 'k' }).then(() => (isOver = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(isOver).toBe(false)
  settle()
  await asking
  expect(settled).toHaveLength(1)
})

test('flush waits for settlements', async () => {
  const { client, settled, settle } = slowTollgate()
  await openai(client, { key_id: 'k', waitUntil: () => undefined }, whole).chat.completions.create(ASKED)
  const flushed = client.usage.flush()
  settle()
  await flushed
  expect(settled).toMatchObject([{ input_tokens: 3, output_tokens: 4 }])
})
