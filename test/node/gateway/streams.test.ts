import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseMetrics } from '../../support/prometheus.ts'
import { askAndHangUp } from './hang-up.ts'
import { startUpstream, type Upstream } from './upstream.ts'
import { bearer, eventually, type GatewayWorld, startGateway } from './world.ts'

const METRICS_TOKEN = 'a-token-of-metrics-of-at-least-32-bytes'

let world: GatewayWorld
let upstream: Upstream

beforeAll(async () => {
  ;[world, upstream] = await Promise.all([
    startGateway({ PUBLIC_URL: 'http://localhost:8000', GATEWAY_HOSTS: 'api.example.test', METRICS_TOKEN }),
    startUpstream(),
  ])
})

afterAll(async () => {
  upstream.close()
  await world.close()
})

test('statuses without a body, errors and compressed bodies pass through unchanged', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url)
  const ask = (path: string, init: RequestInit = {}) => fetch(`${route.url}${path}`, { headers: bearer(key), ...init })

  const statuses = await Promise.all(
    ['204', '304', '418', '500'].map(async (code) => (await ask(`/status/${code}`)).status),
  )
  const compressed = await ask('/gzip')
  const head = await ask('/status/200', { method: 'HEAD' })

  expect(statuses).toEqual([204, 304, 418, 500])
  expect([compressed.headers.get('Content-Encoding'), await compressed.text()]).toEqual(['gzip', 'compressed'])
  expect([head.status, head.headers.get('X-Upstream'), await head.text()]).toEqual([200, 'yes', ''])
})

test("a silent upstream is a 504 after the route's timeout, one that is down a 502, and a broken one breaks off", async () => {
  const { key, organizationId } = await world.customer()
  const silent = await world.route(upstream.url, { timeout_ms: 200 })
  const away = await world.route('http://127.0.0.1:9')

  const answers = await Promise.all([
    fetch(`${silent.url}/silent`, { headers: bearer(key) }),
    fetch(away.url, { headers: bearer(key) }),
  ])
  const cut = await fetch(`${silent.url}/cut`, { headers: bearer(key) })

  const codes = await Promise.all(answers.map(async (one) => ((await one.json()) as { code: string }).code))
  expect(answers.map(({ status }, at) => [status, codes[at]])).toEqual([
    [504, 'upstream_timeout'],
    [502, 'upstream_unreachable'],
  ])
  await expect(cut.text()).rejects.toThrow()
  await eventually(async () =>
    expect(
      (await world.eventsOf(organizationId)).map(({ status_code }) => status_code).toSorted((a, b) => a - b),
    ).toEqual([200, 502, 504]),
  )
})

test('a stream is forwarded immediately, and a caller who disconnects aborts the upstream request', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url)
  const caller = new AbortController()

  const answer = await fetch(`${route.url}/drip`, { headers: bearer(key), signal: caller.signal })
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
  const { value } = await reader.read()
  const seen = upstream.requests.at(-1)
  caller.abort()

  expect(new TextDecoder().decode(value)).toBe('data: 1\n\n')
  await seen?.hungUp
})

test('a caller who disconnects before the response begins ends the upstream request, which is recorded with 499', async () => {
  const { key, organizationId } = await world.customer()
  const route = await world.route(upstream.url)
  const before = upstream.requests.length
  const { hangUp } = askAndHangUp(`${route.url}/silent`, bearer(key))
  await eventually(async () => expect(upstream.requests.length).toBe(before + 1))
  hangUp()
  await upstream.requests.at(-1)?.hungUp
  await eventually(async () => expect(await world.eventsOf(organizationId)).toMatchObject([{ status_code: 499 }]))
})

test.each([
  ['requests', 'text/plain'],
  ['openai', 'multipart/form-data; boundary=x'],
])('a caller who disconnects in the middle of an upload is recorded with 499, and ends it: %s', async (meter, type) => {
  const { key, organizationId } = await world.customer()
  const route = await world.route(upstream.url, { meter })
  const before = upstream.requests.length
  const headers = bearer(key, { 'Content-Type': type, 'Content-Length': '1000' })
  const { hangUp } = askAndHangUp(`${route.url}/sink`, headers, '--x')
  await eventually(async () => expect(upstream.requests[before]?.bytes).toBe(3))
  hangUp()
  await upstream.requests[before]?.hungUp
  await eventually(async () => expect(await world.eventsOf(organizationId)).toMatchObject([{ status_code: 499 }]))
})

test('a gigabyte goes up and down while memory use stays flat', { timeout: 120_000 }, async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url)
  const megabyte = Buffer.alloc(1024 * 1024, 'x')
  await fetch(route.url, { headers: bearer(key) })
  const before = await world.worker.memoryBytes()
  let most = 0
  const watch = setInterval(() => void world.worker.memoryBytes().then((now) => (most = Math.max(most, now))), 50)

  const upload = httpRequest(`${route.url}/sink`, { method: 'POST', headers: bearer(key) })
  const digest = createHash('sha256')
  const answered = once(upload, 'response')
  for (let left = 1024; left > 0; left--) {
    digest.update(megabyte)
    if (!upload.write(megabyte)) await once(upload, 'drain')
  }
  upload.end()
  const [response] = await answered
  let told = ''
  for await (const chunk of response) told += String(chunk)
  const download = await fetch(`${route.url}/big/1024`, { headers: bearer(key) })
  let bytes = 0
  for await (const chunk of download.body as unknown as AsyncIterable<Uint8Array>) bytes += chunk.length
  clearInterval(watch)

  expect(JSON.parse(told)).toEqual({ bytes: 1024 ** 3, sha256: digest.digest('hex') })
  expect(bytes).toBe(1024 ** 3)
  expect(most - before).toBeLessThan(64 * 1024 ** 2)
})

test('a WebSocket is passed through in both directions', async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url)

  const socket = new WebSocket(`${route.url.replace('http', 'ws')}/socket`, { headers: bearer(key) } as never)
  await once(socket, 'open')
  const heard = once(socket, 'message')
  socket.send('ping over the gateway')

  expect((await heard)[0].data).toBe('ping over the gateway')
  socket.close()
})

test("failures of upstreams are counted separately from Tollgate's own responses", async () => {
  const { key } = await world.customer()
  const route = await world.route(upstream.url, { timeout_ms: 200 })
  const away = await world.route('http://127.0.0.1:9')
  const scrape = async () => {
    const answer = await fetch(`${world.url}/metrics`, { headers: bearer(METRICS_TOKEN) })
    const samples = [...parseMetrics(await answer.text()).values()].flatMap((family) => family.samples)
    return (name: string, label: string) =>
      samples.find((one) => one.name === name && Object.values(one.labels).includes(label))?.value ?? Number.NaN
  }
  const before = await scrape()

  await fetch(`${route.url}/status/200`, { headers: bearer(key) })
  await fetch(`${route.url}/status/404`, { headers: bearer(key) })
  await fetch(`${route.url}/status/500`, { headers: bearer(key) })
  await fetch(`${route.url}/silent`, { headers: bearer(key) })
  await fetch(away.url, { headers: bearer(key) })
  await fetch(away.url)
  await fetch(`${world.url}/gw/none`)

  const after = await scrape()
  const grown = ['answered', 'upstream_error', 'timeout', 'unreachable', 'refused', 'failed'].map((outcome) => [
    outcome,
    after('tollgate_gateway_responses_total', outcome) - before('tollgate_gateway_responses_total', outcome),
  ])
  expect(Object.fromEntries(grown)).toEqual({
    answered: 2,
    upstream_error: 1,
    timeout: 1,
    unreachable: 1,
    refused: 2,
    failed: 0,
  })
  for (const kind of ['4xx', '5xx'])
    expect(after('tollgate_http_responses_total', kind)).toBe(before('tollgate_http_responses_total', kind))
})
