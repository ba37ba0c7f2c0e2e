/** What a request to a model becomes before it is sent on, and what is held for it. */
import { expect, test } from 'vitest'
import { readModelRequest } from '../../../src/gateway/llm/request.ts'
import type { Provider } from '../../../src/gateway/llm/usage.ts'

async function read(path: string, body: object, provider: Provider = 'openai') {
  const text = JSON.stringify(body)
  const request = new Request('https://gateway.example.com/', { method: 'POST', body: text })
  const asked = await readModelRequest(request, { provider, path }, Date.now)
  asked?.room?.free()
  return { isUnchanged: asked?.body === text, body: asked?.body as string, ...asked?.estimate }
}

const STREAM = { model: 'm', stream: true, messages: [], prompt: 'a cat' }
const asksForUsage = { stream_options: { include_usage: true } }

test.each([
  '/v1/chat/completions',
  '/openai/deployments/own/chat/completions',
  '/v1/completions',
  '/chat/completions/',
])('a stream of completions is asked for its usage: %s', async (path) => {
  expect(JSON.parse((await read(path, STREAM)).body)).toEqual({ ...STREAM, ...asksForUsage })
  expect(await read(path, { ...STREAM, ...asksForUsage })).toMatchObject({ isUnchanged: true })
  expect(await read(path, { ...STREAM, stream: false })).toMatchObject({ isUnchanged: true })
})

test.each(['/v1/images/generations', '/v1/responses', '/v1/audio/speech', '/v1/completions/more', '/v1/messages'])(
  'every other stream is sent on byte for byte: %s',
  async (path) => {
    expect(await read(path, STREAM)).toMatchObject({ isUnchanged: true })
    expect(await read('/v1/chat/completions', STREAM, 'anthropic')).toMatchObject({ isUnchanged: true })
  },
)

test.each([
  ['/v1/images/generations', { prompt: 'a cat', n: 2 }, 0],
  ['/v1/audio/speech', { model: 'tts', input: 'hello' }, 0],
  ['/v1/embeddings', { model: 'own', input: 'hello' }, 0],
  ['/v1/rerank', { model: 'own', prompt: 'hello' }, 0],
  ['/v1/responses', { prompt: { id: 'pmpt_1' } }, 4_096],
  ['/v1/completions', { prompt: 'a cat', n: 2 }, 8_192],
])('what makes no text holds no output: %s', async (path, body, output_tokens) => {
  expect(await read(path, body)).toMatchObject({ output_tokens })
})
