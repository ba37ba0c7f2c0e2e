/** What the middlewares tell Tollgate, and keep alive until it is told. Tollgate itself is the tests' own here. */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { Hono } from 'hono'
import { NextRequest } from 'next/server.js'
import { expect, onTestFinished, test } from 'vitest'
import { requireKey as expressKey, getKeyContext } from '../../../packages/tollgate/src/express.ts'
import { requireKey as honoKey, type KeyEnv } from '../../../packages/tollgate/src/hono.ts'
import { requireKey as nextKey } from '../../../packages/tollgate/src/next.ts'
import type { Client } from '../../../packages/tollgate/src/protect.ts'

/** Lets every key through. */
function admitting() {
  const [endpoints, reported]: [unknown[], unknown[]] = [[], []]
  const verdict = {
    valid: true,
    code: 'VALID',
    status: 200,
    retry_after: null,
    headers: {},
    key_id: 'k',
    request_id: 'r',
  }
  const client = {
    keys: { verify: async ({ endpoint }: { endpoint?: string }) => (endpoints.push(endpoint), verdict) },
    usage: { report: async (event: unknown) => void reported.push(event), record: () => undefined },
  } as unknown as Client
  const work: Promise<unknown>[] = []
  return { client, endpoints, reported, work, waitUntil: (one: Promise<unknown>) => void work.push(one) }
}

const HEADERS = { 'X-API-Key': 'ck' }
const ok = () => new Response('in')

test.each<[string, (app: Hono<KeyEnv>, guard: ReturnType<typeof honoKey>) => void]>([
  ['in the route', (app, guard) => app.get('/v1/orders/:id', guard, ok)],
  ['before the routes', (app, guard) => app.use('/v1/*', guard).get('/v1/orders/:id', ok)],
  ['in another app', (app, guard) => app.route('/v1', new Hono<KeyEnv>().get('/orders/:id', guard, ok))],
  [
    'before other middlewares',
    (app, guard) =>
      app
        .use(guard)
        .use((_, next) => next())
        .get('/v1/orders/:id', ok),
  ],
  ['in a route of all methods', (app, guard) => app.all('/v1/orders/:id', guard, ok)],
])('the endpoint of a Hono app is the pattern of the handler, with the guard %s', async (_, protect) => {
  for (const isLast of [true, false]) {
    const { client, endpoints } = admitting()
    const app = new Hono<KeyEnv>()
    protect(app, honoKey(client))
    if (!isLast) app.get('*', ok)
    await app.request('/v1/orders/7', { headers: HEADERS })
    expect(endpoints).toEqual(['/v1/orders/:id'])
  }
})

test('where Hono has no context of a platform, waitUntil keeps the report alive', async () => {
  const { client, reported, work, waitUntil } = admitting()
  const app = new Hono<KeyEnv>().get('/', honoKey(client, { waitUntil }), (c) => {
    c.var.tollgate.use({ queries: 2 })
    return c.text('in')
  })
  await app.request('/', { headers: HEADERS })
  await Promise.all(work)
  expect(reported).toMatchObject([{ queries: 2, status_code: 200 }])
})

test('in Express, waitUntil has the report before the answer leaves', async () => {
  const { client, reported, work, waitUntil } = admitting()
  let known = 0
  const app = express().get('/', expressKey(client, { waitUntil }), (request, response) => {
    getKeyContext(request).use({ queries: 2 })
    known = work.length
    response.send('in')
  })
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await (await fetch(`http://127.0.0.1:${port}/`, { headers: { ...HEADERS, Connection: 'close' } })).text()
  expect(known).toBe(1)
  await work[0]
  expect(reported).toMatchObject([{ queries: 2, status_code: 200 }])
})

test('a handler of Express that no guard precedes finds no key', () => {
  expect(() => getKeyContext({})).toThrow('No requireKey of tollgate/express comes before this handler.')
})

test('a handler of Next.js may take its own kind of request', async () => {
  const { client } = admitting()
  const GET = nextKey<{ params: Promise<{ id: string }> }, NextRequest>(client, {}, (request, { key }) =>
    Response.json([request.nextUrl.pathname, key.verdict.code]),
  )
  const request = new NextRequest('https://api.example.com/orders/7', { headers: HEADERS })
  const answer = await GET(request, { params: Promise.resolve({ id: '7' }) })
  expect(await answer.json()).toEqual(['/orders/7', 'VALID'])
})
