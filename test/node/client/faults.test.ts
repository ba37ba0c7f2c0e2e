import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type LostEvent, Tollgate, TollgateError, type TollgateOptions } from '../../../packages/tollgate/src/index.ts'

const closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A server that answers the n-th request with the n-th listener, and all later ones with the last. */
async function serve(...listeners: RequestListener[]) {
  const requests: { path: string | undefined; idempotencyKey: unknown; body: string }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    const listener = listeners[Math.min(requests.length, listeners.length - 1)]
    const seen = { path: request.url, idempotencyKey: request.headers['idempotency-key'], body: '' }
    requests.push(seen)
    for await (const chunk of request) chunks.push(chunk)
    seen.body = Buffer.concat(chunks).toString()
    listener?.(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  closing.push(close)
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const connect = (options: Partial<TollgateOptions> = {}) =>
    new Tollgate({ baseUrl, serviceKey: 'svc_test', timeoutMs: 10_000, verifyTimeoutMs: 10_000, ...options })
  return { requests, connect, close }
}

const json = (status: number, body: unknown, headers: Record<string, string> = {}): RequestListener =>
  function answer(_, response) {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
const text =
  (status: number, type: string, body: string): RequestListener =>
  (_, response) =>
    void response.writeHead(status, { 'Content-Type': type }).end(body)
const silent: RequestListener = () => undefined
const cut: RequestListener = (_, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 100 })
  response.write('{"valid": true, ', () => response.destroy())
}
const stalled: RequestListener = (_, response) =>
  void response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"valid": true, ')
const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  json(status, { code, status, title: code, detail: `It is ${code}.`, request_id: 'r1' }, headers)

const VALID = json(200, { valid: true, code: 'VALID', status: 200, retry_after: null, key_id: 'k1' })
const QUOTAS = json(200, { period: '2026-11' })
const RECORDED = json(200, { accepted: 1, duplicates: 0, conflicts: [], rejected: [] })

const failure = (work: Promise<unknown>) =>
  work.then(
    () => expect.unreachable('It must fail.'),
    (error: unknown) => error,
  )

/** @returns how long the work took */
async function timed(work: Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work.catch(() => undefined)
  return performance.now() - began
}

test.each([
  ['never answers', silent],
  ['stops in the middle of its answer', stalled],
])('a server that %s: the call ends at its timeout, and a verification is denied or allowed', async (_, listener) => {
  const { connect } = await serve(listener)
  const tollgate = connect({ timeoutMs: 200, verifyTimeoutMs: 100 })

  expect(await timed(tollgate.quotas.get({}))).toBeLessThan(10_000)
  expect(await failure(tollgate.quotas.get({}))).toMatchObject({ name: 'UnavailableError', code: 'timeout', status: 0 })
  expect(await tollgate.keys.verify({ key: 'k' })).toMatchObject({
    valid: false,
    code: 'UNAVAILABLE',
    status: 503,
    headers: { 'Retry-After': '2' },
  })
  expect(await tollgate.keys.verify({ key: 'k' }, { onUnavailable: 'allow' })).toMatchObject({
    valid: true,
    status: 200,
  })
})

test('a transport that ignores its signal delays no call beyond the timeout', async () => {
  const { connect } = await serve(silent)
  const tollgate = connect({ timeoutMs: 100, fetch: () => new Promise(() => undefined) })
  expect(await failure(tollgate.quotas.get({}))).toMatchObject({ code: 'timeout' })
})

test('a callback decides about a verification that Tollgate could not answer, by the error and the input', async () => {
  const { connect, close } = await serve(VALID)
  close()
  const seen: unknown[] = []
  const tollgate = connect({
    retries: 0,
    onUnavailable(error, { endpoint }) {
      seen.push(error.code)
      return endpoint === '/health' ? 'allow' : 'deny'
    },
  })

  expect((await tollgate.keys.verify({ key: 'k', endpoint: '/health' })).valid).toBe(true)
  expect((await tollgate.keys.verify({ key: 'k', endpoint: '/orders' })).valid).toBe(false)
  expect(seen).toEqual(['network_error', 'network_error'])
})

test('a wrong service key or request is an error even if outages are allowed: it never opens the API', async () => {
  const { connect } = await serve(problem(401, 'unauthenticated'), problem(400, 'invalid_request'))
  const tollgate = connect({ onUnavailable: 'allow' })
  expect(await failure(tollgate.keys.verify({ key: 'k' }))).toMatchObject({ code: 'unauthenticated', requestId: 'r1' })
  expect(await failure(tollgate.keys.verify({ key: 'k' }))).toMatchObject({ code: 'invalid_request' })
})

test('a 429 is retried after Retry-After, and not at all if that is beyond the timeout', async () => {
  const { connect, requests } = await serve(problem(429, 'rate_limited', { 'Retry-After': '1' }), VALID)
  const ms = await timed(connect().keys.verify({ key: 'k' }))
  expect(ms).toBeGreaterThan(500) // the usual first wait is 100 ms at most
  expect(requests).toHaveLength(2)

  const patient = await serve(problem(429, 'rate_limited', { 'Retry-After': '60' }))
  const error = await failure(patient.connect().keys.update({ key_id: 'k', name: 'x' }))
  expect(error).toMatchObject({ name: 'RateLimitedError', retryAfter: 60, status: 429 })
  expect(patient.requests).toHaveLength(1)
})

test('a 503 is retried where that is safe, at most `retries` times', async () => {
  const unavailable = problem(503, 'unavailable')
  const reading = await serve(unavailable, unavailable, QUOTAS)
  expect(await reading.connect().quotas.get({})).toMatchObject({ period: '2026-11' })
  expect(reading.requests).toHaveLength(3)

  const verifying = await serve(unavailable, VALID)
  expect((await verifying.connect().keys.verify({ key: 'k' })).valid).toBe(true)

  const off = await serve(unavailable)
  await failure(off.connect({ retries: 0 }).quotas.get({}))
  expect(off.requests).toHaveLength(1)

  const changing = await serve(unavailable)
  expect(await failure(changing.connect().keys.update({ key_id: 'k', name: 'x' }))).toMatchObject({ status: 503 })
  expect(changing.requests).toHaveLength(1)
})

test('after a truncated response, a creating call is retried under the same Idempotency-Key', async () => {
  const { connect, requests } = await serve(cut, json(201, { id: 'k1', key: 'ck' }))
  expect(await connect().keys.issue({ name: 'Key' })).toMatchObject({ key: 'ck' })
  const [first, second] = requests
  expect(first?.idempotencyKey).toMatch(/^[0-9a-f-]{36}$/)
  expect(second).toEqual(first)
})

test('after a truncated response, a reservation is retried as the same one, a verification only under its own key', async () => {
  const reserving = await serve(cut, json(200, { granted: false }))
  await reserving.connect().usage.reserve({ key_id: 'k', tokens: 1 })
  expect(reserving.requests[0]?.body).toContain('idempotency_key')
  expect(reserving.requests[1]).toEqual(reserving.requests[0])

  const counting = await serve(cut, VALID)
  expect((await counting.connect().keys.verify({ key: 'k' })).valid).toBe(false)
  expect(counting.requests).toHaveLength(1)

  const once = await serve(cut, VALID)
  expect((await once.connect().keys.verify({ key: 'k', idempotency_key: 'i' })).valid).toBe(true)
})

test('an Idempotency-Key that the server ignores makes no retry safe', async () => {
  const { connect, requests } = await serve(cut)
  const body = { email: 'ada@example.com', password: 'correct horse battery' }
  await failure(connect().call('POST /auth/login', { body, idempotencyKey: 'i' }))
  expect(requests).toHaveLength(1)
})

test.each([
  ['broken JSON', text(200, 'application/json', '{"valid": tru')],
  ['JSON that is no object', text(200, 'application/json', 'true')],
  ['JSON that is no verdict', json(200, { valid: 'yes' })],
  ["another server's page", text(200, 'text/html', '<h1>Welcome</h1>')],
  ['a redirect', (_, response) => void response.writeHead(302, { Location: 'https://example.com/' }).end()],
] as [string, RequestListener][])('%s is an outage and not a verdict', async (_, listener) => {
  const { connect } = await serve(listener)
  expect(await connect({ retries: 0 }).keys.verify({ key: 'k' })).toMatchObject({
    valid: false,
    code: 'UNAVAILABLE',
    error: { code: 'unreadable_answer' },
  })
})

const blocked = text(403, 'text/html', '<h1>Request blocked</h1>')

test.each([
  ['that a caller can provoke', blocked, { name: 'ForbiddenError', status: 403 }],
  ['of a wrong address', text(404, 'text/plain', 'no such page'), { name: 'NotFoundError', status: 404 }],
])('a refusal %s opens nothing even if outages are allowed, and keeps events', async (_, listener, error) => {
  const { connect, requests } = await serve(listener)
  const tollgate = connect({ retries: 0, onUnavailable: 'allow' })
  const expected = { ...error, code: 'unreadable_answer' }
  expect(await failure(tollgate.keys.verify({ key: 'k' }))).toMatchObject(expected)
  const work = () => expect.unreachable('It must not run.')
  const held = tollgate.withReservation({ key_id: 'k', tokens: 1 }, work, { onUnavailable: 'allow' })
  expect(await failure(held)).toMatchObject(expected)
  tollgate.usage.record({ key_id: 'k' })
  expect(await failure(tollgate.usage.flush())).toMatchObject(expected)
  expect(await failure(tollgate.usage.flush())).toMatchObject(expected)
  expect(requests.at(-1)?.body).toBe(requests.at(-2)?.body)
})

test('a page of another server opens nothing even if outages are allowed, and a 408 is an outage', async () => {
  for (const listener of [text(200, 'text/html', '<h1>Blocked</h1>'), text(202, 'text/html', '')]) {
    const { connect } = await serve(listener)
    const verdict = await connect({ retries: 0, onUnavailable: () => 'allow' }).keys.verify({ key: 'k' })
    expect(verdict).toMatchObject({ valid: false, code: 'UNAVAILABLE', status: 503 })
  }
  const slow = await serve(text(408, 'text/html', '<h1>Too slow</h1>'))
  expect((await slow.connect({ retries: 0, onUnavailable: 'allow' }).keys.verify({ key: 'k' })).valid).toBe(true)
})

test('what JSON cannot hold is an invalid request and no outage: nothing is sent, its use is lost aloud, and the hold ends', async () => {
  const granted = json(200, { granted: true, reservation_id: 'hold_1', held: {} })
  const { connect, requests } = await serve(granted, json(200, { outcome: 'canceled', released: true }))
  const lost: string[] = []
  const onLost = (events: readonly LostEvent[]) => lost.push(...events.map(({ reason }) => reason))
  const tollgate = connect({ onUnavailable: 'allow', usage: { onLost } })
  const wrong = { key: 'k', cost: 1n as unknown as number }
  expect(await failure(tollgate.keys.verify(wrong))).toMatchObject({ name: 'InvalidRequestError', status: 0 })
  expect(requests).toHaveLength(0)

  const tokens = 3n as unknown as number
  await tollgate.withReservation({ key_id: 'k', tokens: 9 }, ({ use }) => use({ tokens }))
  expect(requests.map(({ body }) => JSON.parse(body))).toMatchObject([{ tokens: 9 }, { cancel: true }])
  expect(lost).toEqual(['rejected'])
})

test('a caller can abort, before and during a wait, and gets an error code for it', async () => {
  const { connect } = await serve(silent)
  expect(await failure(connect().quotas.get({}, { signal: AbortSignal.abort() }))).toMatchObject({ code: 'aborted' })
  const controller = new AbortController()
  const call = failure(connect().keys.verify({ key: 'k' }, { signal: controller.signal, onUnavailable: 'allow' }))
  controller.abort()
  expect(await call).toBeInstanceOf(TollgateError)
  expect(await call).toMatchObject({ code: 'aborted' })
})

test('events stay in the queue while Tollgate is down, and are resent with the same ids and times', async () => {
  const { connect, requests } = await serve(problem(503, 'unavailable'), RECORDED)
  const tollgate = connect({ retries: 0 })
  tollgate.usage.record({ key_id: 'k', queries: 1 })

  expect(await failure(tollgate.usage.flush())).toMatchObject({ status: 503 })
  await tollgate.usage.flush()
  await tollgate.usage.flush()

  expect(requests).toHaveLength(2)
  expect(requests[1]?.body).toBe(requests[0]?.body)
  expect(JSON.parse(requests[0]?.body ?? '').events[0]).toMatchObject({
    id: expect.any(String),
    timestamp: expect.any(String),
  })
})

test('events are sent without a flush: when the batch is full, and after the interval', async () => {
  const { connect, requests } = await serve(RECORDED)
  const full = connect({ usage: { batchSize: 2, flushIntervalMs: 60_000 } })
  full.usage.record([{ key_id: 'a' }, { key_id: 'b' }])
  await expect.poll(() => requests.length).toBe(1)
  connect({ usage: { flushIntervalMs: 10 } }).usage.record({ key_id: 'c' })
  await expect.poll(() => requests.length).toBe(2)
})

test('events that no retry can save are handed back: refused as a whole, or beyond the capacity of the queue', async () => {
  const { connect } = await serve(problem(401, 'unauthenticated'))
  const lost: string[] = []
  const tollgate = connect({
    usage: { maxQueued: 1, onLost: (events) => lost.push(...events.map(({ reason }) => reason)) },
  })
  tollgate.usage.record([{ key_id: 'a' }, { key_id: 'b' }])
  await tollgate.usage.flush()
  expect(lost).toEqual(['queue_full', 'unauthenticated'])
})

test("a batch stays below the server's limit of a megabyte, and a larger event goes alone", async () => {
  const { connect, requests } = await serve(RECORDED)
  const tollgate = connect({ usage: { batchSize: 1_000, flushIntervalMs: 60_000 } })
  tollgate.usage.record(Array.from({ length: 40 }, () => ({ key_id: 'a', endpoint: 'ü'.repeat(40_000) })))
  await tollgate.usage.flush()
  expect(requests.length).toBeGreaterThan(1)
  expect(Math.max(...requests.map(({ body }) => Buffer.byteLength(body)))).toBeLessThan(1_000_000)
  expect(requests.reduce((sum, { body }) => sum + JSON.parse(body).events.length, 0)).toBe(40)
})
