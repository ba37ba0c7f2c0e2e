/** What a caller could try to keep a model's tokens from being counted, or suffer if they were counted twice. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { askAndHangUp } from './hang-up.ts'
import { startUpstream, type Upstream } from './upstream.ts'
import { bearer, eventually, type GatewayWorld, startGateway } from './world.ts'

let world: GatewayWorld
let upstream: Upstream

const USAGE = { input_tokens: 11, output_tokens: 7 }
const json = (answer: object) => JSON.stringify(answer)
const stream = (...events: object[]) => events.map((event) => `data: ${json(event)}\n\n`).join('')
const LATER = { id: 'resp_3', object: 'response', model: 'gpt-4o', background: true }
const DELTAS = Array.from({ length: 50 }, () => ({ type: 'response.output_text.delta', delta: 'word' }))

/** Streams of a response that is created in the background, by path. Only the last one ends. */
const STREAMS: Readonly<Record<string, string>> = {
  '/v1/responses?stream': stream({ type: 'response.created', response: { ...LATER, usage: null } }, ...DELTAS),
  '/v1/responses/resp_3?stream=true&starting_after=51': stream(...DELTAS),
  '/v1/responses/resp_3?stream=true&starting_after=101': stream(...DELTAS, {
    type: 'response.completed',
    response: { ...LATER, usage: USAGE },
  }),
}

/** A provider's response, by path. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/v1/messages/count_tokens': json({ input_tokens: 11 }),
  '/v1/responses/input_tokens': json({ object: 'response.input_tokens', input_tokens: 11 }),
  '/v1/moderations': json({ results: [{ flagged: false }] }),
  'POST /v1/responses': json({
    id: 'resp_1',
    object: 'response',
    model: 'gpt-4o',
    status: 'queued',
    background: true,
    usage: null,
  }),
  '/v1/responses/resp_1': json({ id: 'resp_1', object: 'response', model: 'gpt-4o', background: true, usage: USAGE }),
  '/v1/responses/resp_2': json({ id: 'resp_2', object: 'response', model: 'gpt-4o', background: false, usage: USAGE }),
  '/v1/responses/resp_3': json({ ...LATER, usage: USAGE }),
  '/v1/chat/completions': json({
    model: 'gpt-4o',
    choices: [],
    usage: { prompt_tokens: 11, completion_tokens: 7, prompt_tokens_details: { audio_tokens: 90 } },
  }),
}

/** A stream that is not over goes on with comments until its reader leaves: only what is written shows that nobody reads it. */
function send(response: ServerResponse, streamed: string): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(streamed)
  if (streamed.includes('completed')) return void response.end()
  const comments = setInterval(() => response.write(': more\n\n'), 20)
  response.on('close', () => clearInterval(comments))
}

beforeAll(async () => {
  ;[world, upstream] = await Promise.all([
    startGateway({ PUBLIC_URL: 'http://localhost:8000' }),
    startUpstream({
      async v1(request, response, seen) {
        for await (const chunk of request as AsyncIterable<Buffer>) seen.body += chunk.toString()
        const { url = '', method = '' } = request
        const streamed = STREAMS[url]
        if (streamed !== undefined) return send(response, streamed)
        response
          .writeHead(200, { 'Content-Type': 'application/json' })
          .end(ANSWERS[`${method} ${url}`] ?? ANSWERS[url] ?? json({ ok: true }))
      },
    }),
  ])
})

afterAll(async () => {
  upstream.close()
  await world.close()
})

async function holder() {
  const { organizationId, key } = await world.customer()
  const route = await world.route(upstream.url, { meter: 'openai' })
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(`${route.url}/v1${path}`, { ...init, headers: bearer(key, init.headers as Record<string, string>) })
  const post = (path: string, body: object) => ask(path, { method: 'POST', body: json(body) })
  const tokens = async () => {
    const { body } = await world.call('GET', `/quotas?organization_id=${organizationId}`)
    return (body as { meters: { tokens: unknown } }).meters.tokens
  }
  /** The requests whose ends are known: those that have a time. */
  const ended = async (count: number) =>
    eventually(async () => {
      const [row] = await world.sql.query(
        'select count(*)::int as n from usage_events where organization_id = $1 and response_time_ms is not null',
        [organizationId],
      )
      expect(row?.n).toBe(count)
    })
  return { key, organizationId, route, ask, post, tokens, ended }
}

const CHAT = { model: 'gpt-4o', stream: true, messages: [{ role: 'user', content: 'hello' }] }

test.each([
  ['compressed', 415, { 'Content-Encoding': 'gzip', 'Content-Type': 'application/json' }, json(CHAT)],
  ['JSON of a lenient kind', 400, { 'Content-Type': 'application/json' }, json(CHAT).replace('true', 'true,"x":NaN')],
  ['no object', 400, { 'Content-Type': 'application/json' }, json([CHAT])],
  ['an offer of WebRTC', 400, { 'Content-Type': 'application/sdp' }, 'v=0'],
  ['no form', 400, { 'Content-Type': 'multipart/form-data; boundary=x' }, json(CHAT)],
])('an unreadable body is refused before it reaches the model: %s', async (_, status, headers, body) => {
  const { ask } = await holder()
  const before = upstream.requests.length

  const answer = await ask('/chat/completions', { method: 'POST', headers, body })

  expect(answer.status).toBe(status)
  expect(upstream.requests).toHaveLength(before)
})

test.each([
  ['Content-Encoding', 'identity'],
  ['Content-Type', 'image/png'],
  ['Content-Type', 'application/octet-stream'],
])('%s: %s does not hide a request: its use counts', async (name, value) => {
  const { ask, tokens } = await holder()

  await (await ask('/chat/completions', { method: 'POST', headers: { [name]: value }, body: json(CHAT) })).text()

  expect(JSON.parse(upstream.requests.at(-1)?.body ?? '')).toMatchObject({ stream_options: { include_usage: true } })
  await eventually(async () => expect(await tokens()).toMatchObject({ used: 18, held: 0 }))
})

test('a WebSocket is refused if tokens are counted', async () => {
  const { key, route } = await holder()

  const socket = new WebSocket(`${route.url.replace('http', 'ws')}/v1/realtime`, { headers: bearer(key) } as never)

  await once(socket, 'error')
  expect(upstream.requests.some(({ url }) => url.startsWith('/v1/realtime'))).toBe(false)
})

test('a form reaches the upstream unchanged', async () => {
  const { ask } = await holder()
  const form = new FormData()
  form.append('file', new Blob(['x'.repeat(300_000)]), 'speech.mp3')
  form.append('model', 'whisper-1')

  expect((await ask('/audio/transcriptions', { method: 'POST', body: form })).status).toBe(200)

  const seen = upstream.requests.at(-1)
  expect(seen?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
  expect(seen?.headers['content-length']).toBe(String(seen?.body.length))
  expect(seen?.body.startsWith('--')).toBe(true)
  expect(seen?.body).toContain('x'.repeat(300_000))
  expect(seen?.body.slice(-300)).toContain('whisper-1')
})

test.each([
  ['a form', 'multipart/form-data; boundary=x', ''],
  ['a prompt', 'application/json', '{"model":'],
])('a caller who disconnects while %s is read is recorded with 499', async (_, type, sent) => {
  const { key, organizationId, route } = await holder()
  const headers = bearer(key, { 'Content-Type': type, 'Content-Length': '1000' })
  const before = upstream.requests.length

  const { hangUp } = askAndHangUp(`${route.url}/v1/audio/transcriptions`, headers, sent)
  await eventually(async () => {
    const { body } = await world.call('GET', `/quotas?organization_id=${organizationId}`)
    expect(body.meters).toMatchObject({ api_calls: { used: 1 } }) // the key is verified, and the body is read
  })
  hangUp()

  await eventually(async () => expect(await world.eventsOf(organizationId)).toMatchObject([{ status_code: 499 }]))
  expect(upstream.requests).toHaveLength(before)
})

test('counting tokens and moderating texts uses none', async () => {
  const { post, tokens, ended } = await holder()

  for (const path of ['/messages/count_tokens', '/responses/input_tokens', '/moderations'])
    await (await post(path, { model: 'gpt-4o', input: 'hello '.repeat(100) })).text()

  await ended(3)
  expect(await tokens()).toMatchObject({ used: 0, held: 0 })
})

test('a response that is read again was counted when it was created', async () => {
  const { ask, tokens, ended } = await holder()

  for (let time = 0; time < 3; time++) await (await ask('/responses/resp_2')).text()

  await ended(3)
  expect(await tokens()).toMatchObject({ used: 0 })
})

test('a response that is created in the background counts once, whenever and however often it is read', async () => {
  const { ask, post, tokens, ended } = await holder()

  await (await post('/responses', { model: 'gpt-4o', input: 'hello', background: true })).text()
  await ended(1)
  expect(await tokens()).toMatchObject({ used: 0, held: 0 })
  await Promise.all(Array.from({ length: 4 }, async () => (await ask('/responses/resp_1')).text()))

  await eventually(async () => expect(await tokens()).toMatchObject({ used: 18 }))
  await (await ask('/responses/resp_1')).text()
  await (await ask('/responses/resp_2')).text()
  await eventually(async () => {
    const { length } = upstream.requests.filter(({ url }) => url === '/v1/responses/resp_1')
    expect(length).toBe(5)
  })
  expect(await tokens()).toMatchObject({ used: 18 })
})

/** Reads a stream up to the last of its deltas, and leaves. */
async function leave(answer: Response): Promise<void> {
  let [text, deltas] = ['', 0]
  const decoder = new TextDecoder()
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    deltas = text.split('output_text.delta').length - 1
    if (deltas === DELTAS.length) break
  }
  expect(deltas).toBe(DELTAS.length)
}

test('a stream of a response in the background that is left counts nothing until the response is read as complete, and then once', async () => {
  const { ask, post, tokens, ended } = await holder()
  const read = async (path: string) => (await ask(path)).text()

  await leave(await post('/responses?stream', { model: 'gpt-4o', input: 'hello', background: true, stream: true }))
  await leave(await ask('/responses/resp_3?stream=true&starting_after=51'))
  await ended(2)
  expect(await tokens()).toMatchObject({ used: 0, held: 0 })

  await read('/responses/resp_3?stream=true&starting_after=101')
  await eventually(async () => expect(await tokens()).toMatchObject({ used: 18, held: 0 }))
  await read('/responses/resp_3')
  await read('/responses/resp_2')
  await ended(4) // a repeated report is dropped, and with it how that request ended
  expect(await tokens()).toMatchObject({ used: 18, held: 0 })
})

test('contradictory figures count as far as possible', async () => {
  const { post, tokens } = await holder()

  await (await post('/chat/completions', { model: 'gpt-4o', messages: [] })).text()

  await eventually(async () => expect(await tokens()).toMatchObject({ used: 18, held: 0 }))
})
