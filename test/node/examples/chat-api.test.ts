/** The example's Worker, bound to Tollgate in one process, with the local model. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorker, startWorkerd, type Workerd } from '../../../bench/worker.ts'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'
import { type ClientWorld, startTollgate } from '../client/world.ts'

let world: ClientWorld
let tollgate: Tollgate
let worker: Workerd

beforeAll(async () => {
  world = await startTollgate()
  tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey })
  worker = await startWorkerd({
    chat: {
      bundle: await buildWorker('examples/chat-api/src/index.ts'),
      variables: { MODEL_URL: `${world.stackUrl}/model`, MODEL_KEY: 'any' },
      bindings: { TOLLGATE: { service: 'tollgate', entrypoint: 'Tollgate' } },
    },
    tollgate: world.tollgate,
  })
})
afterAll(async () => {
  await worker.kill()
  await world.close()
})

async function customer(limits?: { tokens: number }) {
  const external_id = crypto.randomUUID()
  await tollgate.customers.upsert({ external_id, name: 'Ada', limits })
  const { key } = await tollgate.keys.issue({ external_id, name: 'Key' })
  return {
    key,
    external_id,
    tokens: async () => (await tollgate.quotas.get({ external_id })).meters.tokens,
    async call(method: string, path: string, body?: object, headers: object = { 'X-API-Key': key }) {
      const response = await fetch(`${worker.url}${path}`, {
        method,
        headers: { ...headers, ...(body && { 'Content-Type': 'application/json' }) },
        ...(body && { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      const isJson = response.headers.get('Content-Type')?.includes('json') ?? false
      return { status: response.status, text, json: isJson ? JSON.parse(text) : {} }
    },
  }
}

test('a prompt is answered by either provider, and its tokens count for the key', async () => {
  const { call, tokens } = await customer()
  for (const provider of ['openai', 'anthropic']) {
    const answer = await call('POST', '/api/v1/generate', { user_id: 'u1', prompt: 'one two', provider })
    expect([answer.status, answer.json]).toEqual([200, { text: 'You said: one two' }])
  }
  await expect.poll(tokens, { timeout: 10_000 }).toMatchObject({ used: 12, held: 0 })
})

test('without a key, or without tokens left, the model is not called', async () => {
  const { call } = await customer({ tokens: 100 })
  const body = { user_id: 'u1', prompt: 'one', provider: 'openai' }
  expect((await call('POST', '/api/v1/generate', body, {})).status).toBe(401)
  const refused = await call('POST', '/api/v1/generate', body)
  expect([refused.status, refused.json.code, refused.json.meter]).toEqual([429, 'quota_exceeded', 'tokens'])
  expect((await call('POST', '/chat', { message: 'one' })).status).toBe(429)
  expect((await call('POST', '/api/v1/generate', { ...body, provider: 'other' })).status).toBe(400)
})

test('used-up credits are 402, and the model is not called', async () => {
  const { call, external_id } = await customer()
  const expires_at = new Date(Date.now() + 86_400_000).toISOString()
  await tollgate.credits.grant({ external_id, amount: '0.0001', reason: 'Too little', expires_at })
  const refused = await call('POST', '/api/v1/generate', { user_id: 'u1', prompt: 'one', provider: 'openai' })
  expect([refused.status, refused.json.code]).toEqual([402, 'credits_exhausted'])
})

test('a chat is streamed, kept as a conversation, and counted when it has ended', async () => {
  const { call, tokens, key } = await customer()
  const bearer = { Authorization: `Bearer ${key}` }
  const first = await call('POST', '/chat', { message: 'one two' }, bearer)
  const [, id = ''] = /event: conversation\ndata: (\S+)/.exec(first.text) ?? []
  const said = [...first.text.matchAll(/^data: (\{.*\})$/gm)].map(([, data = '']) => JSON.parse(data).text)

  expect(said).toEqual(['You ', 'said: ', 'one ', 'two'])
  expect(first.text.trimEnd().endsWith('data: [DONE]')).toBe(true)
  await expect.poll(tokens, { timeout: 10_000 }).toMatchObject({ used: 6, held: 0 })

  await call('POST', '/chat', { message: 'three', conversation_id: id }, bearer)
  const { json } = await call('GET', `/conversations/${id}/messages`)
  expect(json.data.map(({ content }: { content: string }) => content)).toEqual([
    'one two',
    'You said: one two',
    'three',
    'You said: three',
  ])
})

test('conversations are created, read, renamed and deleted by their owner, and do not exist for others', async () => {
  const [ada, bob] = [await customer(), await customer()]
  const { json: made } = await ada.call('POST', '/conversations', { title: 'First' })
  expect(await ada.call('PATCH', `/conversations/${made.id}`, { title: 'Renamed' })).toMatchObject({ status: 200 })
  expect((await ada.call('GET', '/conversations')).json.data).toEqual([{ id: made.id, title: 'Renamed', messages: 0 }])

  expect((await bob.call('GET', '/conversations')).json.data).toEqual([])
  for (const [method, path, body] of [
    ['GET', ''],
    ['GET', '/messages'],
    ['PATCH', '', { title: 'Mine' }],
    ['DELETE', ''],
    ['DELETE', '/messages/x'],
  ] as const)
    expect((await bob.call(method, `/conversations/${made.id}${path}`, body)).status).toBe(404)
  expect((await bob.call('POST', '/chat', { message: 'x', conversation_id: made.id })).status).toBe(404)

  await ada.call('POST', '/chat', { message: 'x', conversation_id: made.id })
  const { json: messages } = await ada.call('GET', `/conversations/${made.id}/messages`)
  const [question] = messages.data
  expect((await ada.call('DELETE', `/conversations/${made.id}/messages/${question.id}`)).status).toBe(204)
  expect((await ada.call('GET', `/conversations/${made.id}`)).json.messages).toBe(1)
  expect((await ada.call('DELETE', `/conversations/${made.id}`)).status).toBe(204)
  expect((await ada.call('GET', `/conversations/${made.id}`)).status).toBe(404)
})
