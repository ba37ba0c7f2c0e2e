/** What becomes of the report of a protected request: callers who leave early, use that comes late, and answers that are lost. */
import { once } from 'node:events'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type Response as Answer } from 'express'
import { Hono } from 'hono'
import { NextRequest } from 'next/server.js'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { requireKey as expressKey, getKeyContext } from '../../../packages/tollgate/src/express.ts'
import { requireKey as fetchKey } from '../../../packages/tollgate/src/fetch.ts'
import { requireKey as honoKey, type KeyEnv } from '../../../packages/tollgate/src/hono.ts'
import { type LostEvent, Tollgate, type TollgateOptions } from '../../../packages/tollgate/src/index.ts'
import { requireKey as nextKey } from '../../../packages/tollgate/src/next.ts'
import type { KeyContext } from '../../../packages/tollgate/src/protect.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate

beforeAll(async () => {
  world = await startTollgate()
  tollgate = connect()
})
afterAll(() => world.close())

const connect = (options: Partial<TollgateOptions> = {}) =>
  new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, verifyTimeoutMs: 10_000, ...options })

async function customer() {
  const external_id = crypto.randomUUID()
  await tollgate.customers.upsert({ external_id, name: 'Ada' })
  const { key } = await tollgate.keys.issue({ external_id, name: 'Key' })
  const read = async () => {
    const { totals } = await tollgate.usage.summary({ external_id })
    const { data } = await tollgate.usage.breakdown({ by: 'status', external_id })
    return { requests: totals.requests, tokens: totals.tokens, statuses: data.map(({ value }) => value) }
  }
  return { key, counts: (expected: object) => expect.poll(read, { timeout: 10_000 }).toEqual(expected) }
}

type Handler = (key: KeyContext, answer: Answer) => unknown

/** An app of Express with one protected route. `gone` resolves once a caller's connection is closed. */
async function serve(client: Tollgate, handle: Handler) {
  const gone = Promise.withResolvers<void>()
  const app = express()
  app.use((_, answer, next) => {
    answer.once('close', gone.resolve)
    next()
  })
  app.get('/', expressKey(client), (request, answer) => handle(getKeyContext(request), answer))
  const server = app.listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const call = (key: string) => {
    const request = get({ port, host: '127.0.0.1', headers: { 'X-API-Key': key } })
    request.on('error', () => undefined) // it hangs up
    return request
  }
  return { call, gone: gone.promise }
}

test('what a handler uses after its caller has left counts, in the same request, whose status is 499', async () => {
  const { key, counts } = await customer()
  const [began, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const app = await serve(tollgate, async ({ use }, answer) => {
    use({ output_tokens: 1 })
    began.resolve()
    await counts({ requests: 1, tokens: 1, statuses: ['499'] }) // the report has left
    use({ output_tokens: 900 })
    answer.end('too late')
    ended.resolve()
  })
  const caller = app.call(key)
  await began.promise
  caller.destroy()
  await ended.promise
  await counts({ requests: 1, tokens: 901, statuses: ['499'] })
})

test('a caller who leaves during the verification is reported, with what the handler uses', async () => {
  const { key, counts } = await customer()
  const [asked, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const client = connect({
    async fetch(request) {
      if (request.url.endsWith('/keys/verify')) {
        asked.resolve()
        await left.promise
      }
      return fetch(request)
    },
  })
  const app = await serve(client, ({ use }, answer) => {
    use({ output_tokens: 7 })
    answer.end('too late')
  })
  const caller = app.call(key)
  await asked.promise
  caller.destroy()
  await app.gone
  left.resolve()
  await counts({ requests: 1, tokens: 7, statuses: ['499'] })
})

/** Ways to protect a handler of web requests. `closed` is a platform that takes no more work after the answer. */
type Protect = (handle: (key: KeyContext) => Response) => (request: Request) => Response | Promise<Response>

const closed = (work: Promise<unknown>[]) => (one: Promise<unknown>) => {
  if (work.push(one) > 1) throw new Error('The answer has left.')
}

const WAYS: [string, (client: Tollgate, work: Promise<unknown>[]) => Protect][] = [
  ['tollgate/fetch', (client) => (handle) => fetchKey(client, {}, (_, key) => handle(key))],
  [
    'tollgate/fetch with waitUntil',
    (client, work) => (handle) => fetchKey(client, { waitUntil: closed(work) }, (_, key) => handle(key)),
  ],
  [
    'tollgate/next',
    (client, work) => (handle) => {
      const GET = nextKey(client, { waitUntil: closed(work) }, (_, { key }) => handle(key))
      return (request) => GET(new NextRequest(request), { params: Promise.resolve({}) })
    },
  ],
  [
    'tollgate/hono',
    (client) => (handle) => {
      const app = new Hono<KeyEnv>()
      app.get('/', honoKey(client), (c) => handle(c.var.tollgate))
      return (request) => app.fetch(request)
    },
  ],
]

const requestBy = (key: string) => new Request('https://api.example.com/', { headers: { 'X-API-Key': key } })

test.each(WAYS)('%s: use that a handler says after its report counts in the same request', async (_, way) => {
  const { key, counts } = await customer()
  const work: Promise<unknown>[] = []
  let use: KeyContext['use'] | undefined
  const send = way(
    tollgate,
    work,
  )((context) => {
    use = context.use
    use({ output_tokens: 1 })
    return new Response('begins', { status: 201 })
  })
  await send(requestBy(key))
  use?.({ output_tokens: 900 })
  use?.(Promise.resolve({ output_tokens: 30 }))
  await Promise.all(work)
  await counts({ requests: 1, tokens: 931, statuses: ['201'] })
})

test('a report whose answer is lost counts once, and nobody is told that it was lost', async () => {
  const { key, counts } = await customer()
  const lost: LostEvent[] = []
  let breaks = true
  const client = connect({
    retries: 0,
    usage: { onLost: (events) => lost.push(...events), flushIntervalMs: 60_000 },
    async fetch(request) {
      const response = await fetch(request)
      if (!request.url.endsWith('/usage') || !breaks) return response
      breaks = false
      await response.arrayBuffer()
      throw new TypeError('The connection broke after the server did its work.')
    },
  })
  const work: Promise<unknown>[] = []
  const waitUntil = (one: Promise<unknown>) => void work.push(one)
  await fetchKey(client, { waitUntil }, (_, { use }) => {
    use({ output_tokens: 5 })
    return new Response()
  })(requestBy(key))
  await Promise.all(work)
  await client.usage.flush()
  await counts({ requests: 1, tokens: 5, statuses: ['200'] })
  expect([breaks, lost]).toEqual([false, []])
})

test('a report that is rejected or refused is handed back', async () => {
  const { key } = await customer()
  const reasons: string[] = []
  const onLost = (events: readonly LostEvent[]) => reasons.push(...events.map(({ reason }) => reason))
  const wrong = new Response('{"code":"forbidden"}', { status: 403, headers: { 'Content-Type': 'application/json' } })
  const refused = connect({
    usage: { onLost },
    fetch: async (request) => (request.url.endsWith('/usage') ? wrong : fetch(request)),
  })
  for (const client of [connect({ usage: { onLost } }), refused]) {
    const work: Promise<unknown>[] = []
    await fetchKey(client, { waitUntil: (one) => void work.push(one) }, (_, { use }) => {
      use({ output_tokens: -1 })
      return new Response()
    })(requestBy(key))
    await Promise.all(work)
  }
  expect(reasons).toEqual(['invalid_event', 'forbidden'])
})
