/** Prompts so large that two of them do not fit into an isolate's memory. */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUpstream, type Upstream } from './upstream.ts'
import { bearer, eventually, type GatewayWorld, startGateway } from './world.ts'

let world: GatewayWorld
let upstream: Upstream
const { promise: answered, resolve: answer } = Promise.withResolvers<void>()

beforeAll(async () => {
  ;[world, upstream] = await Promise.all([
    startGateway({ PUBLIC_URL: 'http://localhost:8000' }),
    startUpstream({
      async v1(request, response, seen) {
        for await (const chunk of request as AsyncIterable<Buffer>) seen.bytes += chunk.length
        await answered
        response
          .writeHead(200, { 'Content-Type': 'application/json' })
          .end('{"usage":{"input_tokens":1,"output_tokens":1}}')
      },
    }),
  ])
})

afterAll(async () => {
  upstream.close()
  await world.close()
})

test('of two concurrent ones one is answered, and the other is told to retry, which then succeeds', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url, { meter: 'openai' })
  const content = 'é'.repeat(9 * 1024 * 1024) // 18 MB, which a string holds in 9 MB
  const ask = (text: string) =>
    fetch(`${route.url}/v1/responses`, {
      method: 'POST',
      headers: bearer(key, { 'Content-Type': 'application/json' }),
      body: JSON.stringify({ model: 'gpt-4o', input: text, max_output_tokens: 10 }),
    })

  const first = ask(content)
  await eventually(async () => expect(upstream.requests[0]?.bytes).toBeGreaterThan(18 * 1024 * 1024))
  const second = await ask(content)
  expect([second.status, second.headers.get('Retry-After')]).toEqual([503, '2'])
  await second.body?.cancel()
  const small = ask('hello')
  answer()
  expect((await first).status).toBe(200)
  expect((await small).status).toBe(200)
  expect((await ask(content)).status).toBe(200)
})

test('a caller who announces a large prompt and sends nothing takes no room from others, and gets a 408', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url, { meter: 'openai' })
  const url = `${route.url}/v1/responses`
  const headers = bearer(key, { 'Content-Type': 'application/json' })
  const silent = httpRequest(url, { method: 'POST', headers: { ...headers, 'Content-Length': 20 * 1024 * 1024 } })
  silent.on('error', () => undefined)
  silent.flushHeaders()
  const refused = once(silent, 'response')

  const body = JSON.stringify({ model: 'gpt-4o', input: 'x'.repeat(19 * 1024 * 1024), max_output_tokens: 10 })
  answer()
  expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(200)

  const [response] = (await refused) as [IncomingMessage]
  expect(response.statusCode).toBe(408)
  silent.destroy()
})
