import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Hono } from 'hono'
import { NextRequest } from 'next/server.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireKey as expressKey, getKeyContext } from '../../../packages/tollgate/src/express.ts'
import { requireKey as fetchKey } from '../../../packages/tollgate/src/fetch.ts'
import { requireKey as honoKey, type KeyEnv } from '../../../packages/tollgate/src/hono.ts'
import { Tollgate } from '../../../packages/tollgate/src/index.ts'
import { requireKey as nextKey } from '../../../packages/tollgate/src/next.ts'
import type { KeyContext, Need } from '../../../packages/tollgate/src/protect.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate

beforeAll(async () => {
  world = await startTollgate()
  tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, verifyTimeoutMs: 10_000 })
})

afterAll(() => world.close())

async function customer(scopes: string[] = []) {
  const external_id = crypto.randomUUID()
  await tollgate.customers.upsert({ external_id, name: 'Ada' })
  return { external_id, ...(await tollgate.keys.issue({ external_id, name: 'Key', scopes })) }
}

/** One endpoint, `/v1/orders/{id}`, behind each middleware. */
type Endpoint = (
  client: Tollgate,
  need: Need,
  handle: (key: KeyContext) => Response,
) => Promise<{ send: (request: Request) => Promise<Response>; done: () => Promise<unknown> }>

/** A platform's way to keep work alive after the response. */
function context() {
  const work: Promise<unknown>[] = []
  return { waitUntil: (one: Promise<unknown>) => void work.push(one), passThroughOnException() {}, props: {}, work }
}

const throughFetch: Endpoint = async (client, need, handle) => {
  const ctx = context()
  const guarded = fetchKey<[object, typeof ctx]>(
    () => client,
    { endpoint: '/v1/orders/:id', ...need },
    (_, key) => handle(key),
  )
  return { send: (request) => guarded(request, {}, ctx), done: () => Promise.all(ctx.work) }
}

const throughHono: Endpoint = async (client, need, handle) => {
  const ctx = context()
  const app = new Hono<KeyEnv>()
  app.use(
    '/v1/*',
    honoKey(
      () => client,
      () => need,
    ),
  )
  app.get('/v1/orders/:id', (c) => handle(c.var.tollgate))
  return { send: async (request) => app.fetch(request, {}, ctx), done: () => Promise.all(ctx.work) }
}

const throughNext: Endpoint = async (client, need, handle) => {
  const { work, waitUntil } = context()
  const GET = nextKey(client, { ...need, waitUntil }, (_, { key }) => handle(key))
  const params = async (request: Request) => ({ id: new URL(request.url).pathname.split('/').at(-1) })
  return {
    send: (request) => GET(new NextRequest(request), { params: params(request) }),
    done: () => Promise.all(work),
  }
}

const throughExpress: Endpoint = async (client, need, handle) => {
  const orders = express.Router()
  orders.get('/orders/:id', expressKey(client, need), (request, response) => answerNode(request, response, handle))
  const server = express().use('/v1', orders).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    send: (request) => fetch(request.url.replace('https://api.example.com', `http://127.0.0.1:${port}`), request),
    async done() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
      await new Promise((resolve) => setImmediate(resolve)) // the response's own event comes with the connection's
      await client.usage.flush()
    },
  }
}

async function answerNode(request: IncomingMessage, response: ServerResponse, handle: (key: KeyContext) => Response) {
  const answer = handle(getKeyContext(request))
  response.statusCode = answer.status
  for await (const chunk of answer.body ?? []) response.write(chunk)
  response.end()
}

const ENDPOINTS: [string, Endpoint, string][] = [
  ['tollgate/fetch', throughFetch, '/v1/orders/:id'],
  ['tollgate/hono', throughHono, '/v1/orders/:id'],
  ['tollgate/express', throughExpress, '/v1/orders/:id'],
  ['tollgate/next', throughNext, '/v1/orders/[id]'],
]

const order = (headers: Record<string, string> = {}) => new Request('https://api.example.com/v1/orders/42', { headers })

test.each(ENDPOINTS)('%s: a valid key passes in either header, with its rate limit and details', async (_, open) => {
  const { key, external_id } = await customer(['orders:read'])
  const { send, done } = await open(
    tollgate,
    { scopes: ['orders:read'], cost: 2 },
    ({ verdict }) => new Response(verdict.external_id),
  )
  const bearer = await send(order({ Authorization: `Bearer ${key}` }))
  const named = await send(order({ 'X-API-Key': key }))
  await done()

  expect([bearer.status, await bearer.text()]).toEqual([200, external_id])
  expect(named.headers.get('RateLimit-Policy')).toMatch(/^"key";q=\d+;w=60$/)
  expect(named.headers.get('RateLimit')).toMatch(/^"key";r=\d+;t=\d+$/)
  expect((await tollgate.quotas.get({ external_id })).meters.api_calls.used).toBe(4)
})

test.each(ENDPOINTS)(
  '%s: a missing, wrong, duplicate or unauthorized key gets problem+json and nothing else runs',
  async (_, open) => {
    const { key } = await customer()
    let runs = 0
    const { send, done } = await open(tollgate, { scopes: ['orders:read'] }, () => {
      runs++
      return new Response()
    })
    const read = async (headers: Record<string, string>) => {
      const answer = await send(order(headers))
      const { code, status } = (await answer.json()) as { code: string; status: number }
      expect([answer.headers.get('Content-Type'), answer.status]).toEqual(['application/problem+json', status])
      return [status, code, answer.headers.get('WWW-Authenticate')]
    }
    expect(await read({})).toEqual([401, 'unauthenticated', 'Bearer'])
    expect(await read({ Authorization: 'Basic eDp5' })).toEqual([401, 'unauthenticated', 'Bearer'])
    expect(await read({ 'X-API-Key': 'ck_live_unknown' })).toEqual([401, 'not_found', 'Bearer'])
    expect(await read({ 'X-API-Key': 'x'.repeat(257) })).toEqual([401, 'not_found', 'Bearer'])
    expect(await read({ 'X-API-Key': key, Authorization: 'Bearer other' })).toEqual([
      400,
      'ambiguous_credentials',
      null,
    ])
    expect(await read({ 'X-API-Key': key })).toEqual([403, 'insufficient_scope', null])
    await done()
    expect(runs).toBe(0)
  },
)

test.each(ENDPOINTS)('%s: a key over its limit is refused with Retry-After', async (_, open) => {
  const { key, id, external_id } = await customer()
  await tollgate.keys.update({ external_id, key_id: id, custom_rate_limit: 1 })
  const { send, done } = await open(tollgate, {}, () => new Response())

  const first = await send(order({ 'X-API-Key': key }))
  const second = await send(order({ 'X-API-Key': key }))
  await done()

  expect([first.status, second.status]).toEqual([200, 429])
  expect(await second.json()).toMatchObject({ code: 'rate_limited', request_id: expect.any(String) })
  expect(Number(second.headers.get('Retry-After'))).toBeGreaterThan(0)
  expect(second.headers.get('RateLimit')).toContain('r=0')
})

test.each(ENDPOINTS)(
  '%s: the request is reported afterwards under its route, with its status and its use',
  async (_, open, route) => {
    const { key, external_id } = await customer()
    const { send, done } = await open(tollgate, {}, ({ use }) => {
      use({ queries: 3 })
      use(Promise.resolve({ output_tokens: 50 }))
      use(Promise.reject(new Error('This meter failed.')))
      return new Response('later', { status: 202 })
    })
    expect((await send(order({ 'X-API-Key': key }))).status).toBe(202)
    await done()

    const read = () => tollgate.usage.summary({ external_id }).then(({ totals }) => totals)
    await expect.poll(read, { timeout: 10_000 }).toMatchObject({ requests: 1, queries: 3, tokens: 50, api_calls: 1 })
    const by = async (by: 'endpoint' | 'status') => {
      const { data } = await tollgate.call('GET /usage/breakdown', { query: { by, external_id } })
      return data.map(({ value }) => value)
    }
    expect([await by('endpoint'), await by('status')]).toEqual([[route], ['202']])
  },
)

test.each(ENDPOINTS)('%s: a stream reaches the caller chunk by chunk, before it has ended', async (_, open) => {
  const { key } = await customer()
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const writer = writable.getWriter()
  const { send, done } = await open(tollgate, {}, () => new Response(readable))

  const wrote = writer.write(new TextEncoder().encode('one'))
  const answer = await send(order({ 'X-API-Key': key }))
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  const first = await reader.read()
  await wrote
  void writer.close()
  const last = await reader.read()
  await done()

  expect(new TextDecoder().decode(first.value)).toBe('one')
  expect(last.done).toBe(true)
})

test.each(ENDPOINTS)(
  '%s: while Tollgate is down, requests are refused with 503, or admitted if that was chosen',
  async (_, open) => {
    const away = { baseUrl: 'http://127.0.0.1:9', serviceKey: 'svc', retries: 0 }
    const closed = await open(new Tollgate(away), {}, () => new Response('in'))
    const refused = await closed.send(order({ 'X-API-Key': 'ck' }))
    const opened = await open(
      new Tollgate({ ...away, onUnavailable: 'allow' }),
      {},
      ({ verdict }) => new Response(verdict.code),
    )
    const allowed = await opened.send(order({ 'X-API-Key': 'ck' }))

    expect([refused.status, refused.headers.get('Retry-After')]).toEqual([503, '2'])
    expect(await refused.json()).toMatchObject({ code: 'unavailable' })
    expect([allowed.status, await allowed.text()]).toEqual([200, 'UNAVAILABLE'])
    await Promise.all([closed.done(), opened.done()])
  },
)

test('a wrong service key is an error of the operator: nothing is admitted, and frameworks see it', async () => {
  const wrong = new Tollgate({ baseUrl: world.url, serviceKey: 'svc_live_wrong', onUnavailable: 'allow' })
  const ran = () => new Response('in')
  const express = await throughExpress(wrong, {}, ran)
  expect((await express.send(order({ 'X-API-Key': 'ck' }))).status).toBe(500)
  await express.done()
  const hono = await throughHono(wrong, {}, ran)
  expect((await hono.send(order({ 'X-API-Key': 'ck' }))).status).toBe(500)
  const fetched = await throughFetch(wrong, {}, ran)
  await expect(fetched.send(order({ 'X-API-Key': 'ck' }))).rejects.toMatchObject({ code: 'unauthenticated' })
})

test('a handler that throws is reported as a 500, and its error is rethrown', async () => {
  const { key, external_id } = await customer()
  const { send, done } = await throughFetch(tollgate, {}, () => {
    throw new Error('The handler failed.')
  })
  await expect(send(order({ 'X-API-Key': key }))).rejects.toThrow('The handler failed.')
  await done()
  const read = () => tollgate.usage.summary({ external_id }).then(({ totals }) => [totals.requests, totals.errors])
  await expect.poll(read, { timeout: 10_000 }).toEqual([1, 1])
})

test('a foreign response with immutable headers gets them all the same', async () => {
  const { key } = await customer()
  const elsewhere = await fetch(`${world.url}/health`)
  const { send, done } = await throughFetch(tollgate, {}, () => elsewhere)
  const answer = await send(order({ 'X-API-Key': key }))
  expect(answer.headers.get('RateLimit')).toContain('"key"')
  expect(await answer.json()).toMatchObject({ service: 'tollgate' })
  await done()
})
