import { readFile } from 'node:fs/promises'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ModelCall } from '../../../local/stack/model/calls.ts'
import { commandsOf, parseCommand } from '../../support/curl.ts'
import { askAndHangUp } from './hang-up.ts'
import { eventually, type GatewayWorld, startGateway } from './world.ts'

let world: GatewayWorld

beforeAll(async () => {
  world = await startGateway({ PUBLIC_URL: 'http://localhost:8000' })
})

afterAll(() => world.close())

/** A customer with a key, and a route with its own upstream credential, which identifies the model's calls. */
async function holder(meter: 'openai' | 'anthropic', limits: Record<string, number> = {}) {
  const { organizationId, key } = await world.customer()
  if (Object.keys(limits).length > 0) await world.call('PUT', `/admin/organizations/${organizationId}/quotas`, limits)
  const upstreamKey = `sk-${crypto.randomUUID()}`
  const header = meter === 'openai' ? 'Authorization' : 'X-API-Key'
  const value = meter === 'openai' ? `Bearer ${upstreamKey}` : upstreamKey
  const route = await world.route(`${world.stackUrl}/model/${meter === 'openai' ? 'openai' : 'anthropic'}`, {
    meter,
    add_headers: { [header]: { value, is_secret: true } },
  })
  async function used(meter: string) {
    const { body } = await world.call('GET', `/quotas?organization_id=${organizationId}`)
    return (body as { meters: Record<string, unknown> }).meters[meter]
  }
  return {
    key,
    organizationId,
    route,
    openai: (defaultHeaders = {}) =>
      new OpenAI({ apiKey: key, baseURL: `${route.url}/v1`, maxRetries: 0, defaultHeaders }),
    anthropic: (defaultHeaders = {}) =>
      new Anthropic({ apiKey: key, baseURL: route.url, maxRetries: 0, defaultHeaders }),
    calls: async () =>
      (await (await fetch(`${world.stackUrl}/model/calls?key=${upstreamKey}`)).json()) as readonly ModelCall[],
    events: () =>
      world.sql.query(
        `select input_tokens::int, output_tokens::int, cached_tokens::int, model, status_code, endpoint from usage_events
         where organization_id = $1 and api_calls = 0 order by occurred_at`,
        [organizationId],
      ),
    verifications: () =>
      world.sql.query('select id from usage_events where organization_id = $1 and api_calls = 1', [organizationId]),
    used,
    holds: () => used('tokens'),
  }
}

const ASKED = {
  model: 'gpt-4o',
  messages: [{ role: 'user' as const, content: 'one two three four five six' }],
  max_tokens: 100,
}

test('an unchanged OpenAI client works through the gateway, and the tokens of its response count', async () => {
  const { openai, events, calls, route } = await holder('openai')

  const answer = await openai().chat.completions.create(ASKED)

  expect(answer.choices[0]?.message.content).toContain('one two three')
  const { prompt_tokens, completion_tokens } = answer.usage as OpenAI.CompletionUsage
  await eventually(async () =>
    expect(await events()).toEqual([
      expect.objectContaining({
        input_tokens: prompt_tokens,
        output_tokens: completion_tokens,
        model: 'gpt-4o',
        status_code: 200,
        endpoint: `/${route.slug}/v1/chat/completions`,
      }),
    ]),
  )
  expect(await calls()).toMatchObject([{ ended: 'complete', output_tokens: completion_tokens }])
})

test('a stream counts to the token, and a caller who did not request the usage does not see it', async () => {
  const { openai, events, calls } = await holder('openai')

  const chunks: OpenAI.ChatCompletionChunk[] = []
  for await (const chunk of await openai().chat.completions.create({ ...ASKED, stream: true })) chunks.push(chunk)

  expect(chunks.every(({ choices }) => choices.length === 1)).toBe(true)
  const [call] = await calls()
  await eventually(async () =>
    expect(await events()).toMatchObject([{ input_tokens: call?.input_tokens, output_tokens: call?.output_tokens }]),
  )
})

test('a caller who requested the usage gets it, and the stream is the upstream’s byte for byte', async () => {
  const { openai, events } = await holder('openai')

  let usage: OpenAI.CompletionUsage | null | undefined
  const stream = await openai().chat.completions.create({
    ...ASKED,
    stream: true,
    stream_options: { include_usage: true },
  })
  for await (const chunk of stream) usage = chunk.usage ?? usage

  expect(usage?.completion_tokens).toBeGreaterThan(0)
  await eventually(async () =>
    expect(await events()).toMatchObject([
      { input_tokens: usage?.prompt_tokens, output_tokens: usage?.completion_tokens },
    ]),
  )
})

test('a caller who disconnects midway stops the model’s work, and pays for what was streamed until then', async () => {
  const { openai, events, calls, holds } = await holder('openai')

  const stream = await openai({ 'X-Model-Delay-Ms': '20' }).chat.completions.create({ ...ASKED, stream: true })
  let seen = 0
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) seen += 1
    if (seen === 3) break
  }
  stream.controller.abort()

  await eventually(async () => expect(await calls()).toMatchObject([{ ended: 'hung_up' }]))
  const [call] = await calls()
  await eventually(async () => {
    const [event] = await events()
    expect(event).toMatchObject({ status_code: 499, model: 'gpt-4o' })
    expect(event?.output_tokens).toBeGreaterThanOrEqual(seen)
    expect(event?.output_tokens).toBeLessThanOrEqual(call?.output_tokens ?? 0)
    expect(await holds()).toMatchObject({ held: 0 })
  })
})

test('a caller who disconnects before the response begins stops the model’s work, and pays for the prompt', async () => {
  const { key, openai, route, events, verifications, calls, holds } = await holder('openai')

  const headers = { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json', 'X-Model-Delay-Ms': '500' }
  const { hangUp } = askAndHangUp(`${route.url}/v1/chat/completions`, headers, JSON.stringify(ASKED))
  await eventually(async () => expect(await calls()).toHaveLength(1)) // the model is working
  hangUp()

  await eventually(async () => expect(await calls()).toMatchObject([{ ended: 'hung_up' }]))
  await eventually(async () => {
    const [event] = await events()
    expect(event).toMatchObject({ status_code: 499, model: 'gpt-4o', output_tokens: 0 })
    expect(event?.input_tokens).toBeGreaterThan(0)
    expect(await holds()).toMatchObject({ held: 0 })
  })
  await openai().chat.completions.create(ASKED) // whatever was recorded before is written no later than its verification
  await eventually(async () => expect(await verifications()).toHaveLength(2))
  const ended = await events()
  expect(ended.filter(({ status_code }) => status_code === 499)).toHaveLength(1)
})

test('a model that breaks off midway counts what it streamed, and a refusal by it counts nothing', async () => {
  const { openai, events, holds } = await holder('openai')

  const broken = (async () => {
    const stream = await openai({ 'X-Model-Fail-After': '2' }).chat.completions.create({ ...ASKED, stream: true })
    for await (const _ of stream);
  })()
  await expect(broken).rejects.toThrow()
  await eventually(async () => expect(await events()).toMatchObject([{ output_tokens: 2, status_code: 502 }]))

  await expect(openai({ 'X-Model-Status': '429' }).chat.completions.create(ASKED)).rejects.toMatchObject({
    status: 429,
  })
  await eventually(async () => expect(await holds()).toMatchObject({ held: 0 }))
  expect((await events()).filter(({ output_tokens }) => output_tokens > 0)).toHaveLength(1)
})

test.each(['openai', 'anthropic'] as const)('a request that does not fit is refused once: %s', async (meter) => {
  const { openai, anthropic, calls, used } = await holder(meter, { tokens: 50 })
  const create = {
    openai: () => openai().withOptions({ maxRetries: 2 }).chat.completions.create(ASKED),
    anthropic: () => anthropic().withOptions({ maxRetries: 2 }).messages.create(ASKED),
  }

  await expect(create[meter]()).rejects.toMatchObject({ status: 429 })

  expect(await calls()).toEqual([])
  expect(await used('api_calls')).toMatchObject({ used: 1 }) // its verification
})

test('many concurrent requests never exceed the quota together', async () => {
  const { openai, events, holds } = await holder('openai', { tokens: 1_000 })
  const ask = () => openai({ 'X-Model-Delay-Ms': '5' }).chat.completions.create({ ...ASKED, max_tokens: 300 })

  const results = await Promise.allSettled(Array.from({ length: 12 }, ask))

  const answered = results.filter(({ status }) => status === 'fulfilled').length
  expect(answered).toBeGreaterThan(0)
  expect(answered).toBeLessThan(12)
  await eventually(async () => {
    expect(await events()).toHaveLength(answered)
    expect(await holds()).toMatchObject({ held: 0 })
  })
})

test('an unchanged Anthropic client works through the gateway, whole, streamed and with its cache', async () => {
  const { anthropic, events, calls } = await holder('anthropic')
  const asked = { model: 'claude-sonnet-4-5', max_tokens: 100, messages: ASKED.messages }

  const whole = await anthropic().messages.create(asked)
  const streamed = await anthropic().messages.stream(asked).finalMessage()

  expect([whole, streamed].map(({ content }) => content[0]?.type)).toEqual(['text', 'text'])
  const told = (await calls()).map(({ output_tokens }) => output_tokens).toSorted((a, b) => a - b)
  await eventually(async () => {
    const recorded = await events()
    expect(recorded.map(({ output_tokens }) => output_tokens as number).toSorted((a, b) => a - b)).toEqual(told)
    expect(recorded[0]).toMatchObject({ input_tokens: whole.usage.input_tokens, model: 'claude-sonnet-4-5' })
  })
})

test('an Anthropic stream that its caller ends counts the reported prompt, and what was streamed', async () => {
  const { anthropic, events, calls } = await holder('anthropic')
  const stream = anthropic({ 'X-Model-Delay-Ms': '20' }).messages.stream({
    model: 'claude-sonnet-4-5',
    max_tokens: 100,
    messages: ASKED.messages,
  })
  let seen = 0
  stream.on('text', () => {
    seen += 1
    if (seen === 2) stream.abort()
  })
  await stream.done().catch(() => undefined)

  await eventually(async () => {
    const [[event], [call]] = await Promise.all([events(), calls()])
    expect(event).toMatchObject({ status_code: 499, input_tokens: call?.input_tokens })
    expect(event?.output_tokens).toBeGreaterThanOrEqual(2)
    expect(event?.output_tokens).toBeLessThanOrEqual(call?.output_tokens ?? 0)
  })
})

test('the Responses API counts, whole and streamed', async () => {
  const { openai, events, calls } = await holder('openai')
  const asked = { model: 'gpt-5', input: 'one two three four', max_output_tokens: 100 }

  await openai().responses.create(asked)
  for await (const _ of await openai().responses.create({ ...asked, stream: true }));

  const told = (await calls()).map(({ output_tokens }) => output_tokens).toSorted((a, b) => a - b)
  await eventually(async () =>
    expect((await events()).map(({ output_tokens }) => output_tokens as number).toSorted((a, b) => a - b)).toEqual(
      told,
    ),
  )
})

test('a list of models is one request and no tokens', async () => {
  const { openai, organizationId, events } = await holder('openai')

  const { data } = await openai().models.list()

  expect(data.length).toBeGreaterThan(0)
  await eventually(async () => {
    const rows = await world.sql.query(
      'select status_code, api_calls::int from usage_events where organization_id = $1',
      [organizationId],
    )
    expect(rows).toEqual([{ status_code: 200, api_calls: 1 }])
  })
  expect(await events()).toEqual([])
})

test('the commands of the page on the gateway do what it says', async () => {
  const page = await readFile(new URL('../../../docs/operate/gateway.md', import.meta.url), 'utf8')
  const { key } = await world.customer()
  const variables = { TOKEN: world.token, API_KEY: key, MODEL_URL: `${world.stackUrl}/model/openai` }

  const answers = []
  for (const command of commandsOf(page)) {
    const { line, options } = parseCommand(command, variables)
    const [method = '', path = ''] = line.split(' ')
    const answer = await fetch(`${world.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${options.token}`, 'Content-Type': 'application/json' },
      body: options.body ?? null,
    })
    answers.push({ status: answer.status, body: (await answer.json()) as object })
  }

  expect(answers).toMatchObject([
    { status: 201, body: { url: 'http://localhost:8000/gw/chat/v1' } },
    { status: 200, body: { object: 'list' } },
    { status: 200, body: { usage: { total_tokens: expect.any(Number) } } },
  ])
})
