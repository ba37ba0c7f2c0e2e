/** What a program sees of its client's requests, and the trace they belong to. */
import { EventEmitter } from 'node:events'
import { Hono } from 'hono'
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { requireKey as expressKey } from '../../../packages/tollgate/src/express.ts'
import { requireKey as fetchKey } from '../../../packages/tollgate/src/fetch.ts'
import { requireKey as honoKey } from '../../../packages/tollgate/src/hono.ts'
import {
  type RequestOutcome,
  type SentRequest,
  Tollgate,
  type TollgateBinding,
  type TollgateOptions,
} from '../../../packages/tollgate/src/index.ts'
import { requireKey as nextKey } from '../../../packages/tollgate/src/next.ts'
import { meter } from '../../../packages/tollgate/src/openai.ts'

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const OTHER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
const VERDICT = { valid: true, code: 'VALID', status: 200, retry_after: null, key_id: 'k1', request_id: 'r1' }
const RECORDED = { accepted: 1, duplicates: 0, conflicts: [], rejected: [] }
const UNAVAILABLE = Response.json({ code: 'unavailable', title: 'Away.' }, { status: 503 })

type Answer = (request: Request) => Response | Promise<Response>

const answerAll: Answer = ({ url }) => {
  if (url.endsWith('/keys/verify')) return Response.json(VERDICT)
  if (url.endsWith('/reserve')) return Response.json({ granted: true, reservation_id: 'hold_1' })
  return Response.json(RECORDED)
}

/** A client, and the outcomes of its requests. The last response answers all later requests. */
function connect(options: Partial<TollgateOptions> = {}, ...answers: Answer[]) {
  const began: SentRequest[] = []
  const ended: RequestOutcome[] = []
  const traces: [path: string | undefined, traceparent: string | null][] = []
  const tollgate = new Tollgate({
    baseUrl: 'https://tollgate.example.com',
    serviceKey: 'svc',
    onRequest: (request) => began.push(request),
    onResponse: (outcome) => ended.push(outcome),
    fetch: async (request) => {
      const answer = answers.length > 1 ? answers.shift() : answers[0]
      traces.push([request.url.split('/api/v1')[1], request.headers.get('traceparent')])
      return (answer ?? answerAll)(request)
    },
    ...options,
  })
  return { tollgate, began, ended, traces }
}

test('the hooks see each attempt: the operation without values, its outcome and its duration', async () => {
  const answers: Answer[] = [
    () => UNAVAILABLE.clone(),
    () => Promise.reject(new TypeError('The connection broke.')),
    () => Response.json({ id: 'k1' }),
  ]
  const { tollgate, began, ended } = connect({}, ...answers)
  await tollgate.keys.get({ key_id: 'secret/id' })

  const request = (attempt: number) => ({ method: 'GET', path: '/auth/api-keys/{id}', attempt })
  const ms = expect.any(Number)
  expect(began).toEqual([request(1), request(2), request(3)])
  expect(ended).toEqual([
    { ...request(1), status: 503, ms, error: expect.objectContaining({ code: 'unavailable' }) },
    { ...request(2), status: undefined, ms, error: expect.objectContaining({ code: 'network_error' }) },
    { ...request(3), status: 200, ms, error: undefined },
  ])
})

test.each([
  ['at its timeout', () => ({}), 'timeout'],
  ['by its caller', () => ({ signal: AbortSignal.timeout(20) }), 'aborted'],
])('an attempt that is ended %s is reported as such, even if the transport never ends', async (_, given, code) => {
  const { tollgate, ended } = connect(
    { timeoutMs: code === 'timeout' ? 20 : 10_000 },
    () => new Promise(() => undefined),
  )
  await expect(tollgate.quotas.get({}, given())).rejects.toMatchObject({ code })
  await expect.poll(() => ended).toMatchObject([{ attempt: 1, status: undefined, error: { code } }])
})

test('a hook that fails, at once or later, breaks no call', async () => {
  const fail = () => {
    throw new Error('The log is full.')
  }
  const { tollgate } = connect({ onRequest: fail, onResponse: () => Promise.reject(new Error('The log is full.')) })
  expect((await tollgate.keys.verify({ key: 'k' })).valid).toBe(true)
})

test('over a service binding the hooks see the same, without a status', async () => {
  const ended: RequestOutcome[] = []
  const binding = { verifyKey: async () => ({ ...VERDICT, headers: {} }) } as unknown as TollgateBinding
  const tollgate = Tollgate.fromBinding(binding, { onResponse: (outcome) => ended.push(outcome) })
  await tollgate.keys.verify({ key: 'k' })
  expect(ended).toMatchObject([{ method: 'POST', path: '/keys/verify', attempt: 1, status: undefined }])
})

test('a call carries the trace that it was given, or else the one that the client finds', async () => {
  const { tollgate, traces } = connect({ traceparent: () => OTHER })
  await tollgate.keys.verify({ key: 'k' }, { traceparent: TRACE })
  await tollgate.call('GET /quotas', { traceparent: TRACE })
  await tollgate.quotas.get({})
  await tollgate.withReservation({ key_id: 'k' }, ({ use }) => use({ tokens: 1 }), { traceparent: TRACE })
  expect(traces).toEqual([
    ['/keys/verify', TRACE],
    ['/quotas', TRACE],
    ['/quotas', OTHER],
    ['/usage/reserve', TRACE],
    ['/usage/settle', TRACE],
  ])
})

test.each([
  ['none', () => undefined],
  ['one of another form', () => `${TRACE}\r\nX-Injected: 1`],
  ['an error', () => expect.unreachable('It must be ignored.')],
])('a client that finds %s sends its calls without a trace', async (_, traceparent: () => string | undefined) => {
  const { tollgate, traces } = connect({ traceparent })
  await tollgate.quotas.get({})
  expect(traces).toEqual([['/quotas', null]])
})

type Guarded = (client: Tollgate, request: Request, waitUntil: (work: Promise<unknown>) => void) => Promise<unknown>

const MIDDLEWARES: [string, Guarded][] = [
  ['tollgate/fetch', (client, request, waitUntil) => fetchKey(client, { waitUntil }, () => new Response())(request)],
  [
    'tollgate/hono',
    async (client, request, waitUntil) => {
      const app = new Hono().get('*', honoKey(client), (c) => c.text('in'))
      await app.fetch(request, {}, { waitUntil, passThroughOnException() {}, props: {} })
    },
  ],
  [
    'tollgate/next',
    (client, request, waitUntil) =>
      nextKey(client, { waitUntil }, () => new Response())(request, { params: Promise.resolve({}) }),
  ],
  [
    'tollgate/express',
    async (client, { headers, method, url }) => {
      const incoming = { method, url, headers: Object.fromEntries(headers), socket: {} }
      const response = Object.assign(new EventEmitter(), { statusCode: 200, setHeader() {}, end() {} })
      await expressKey(client)(incoming, response, () => undefined)
    },
  ],
]

test.each(MIDDLEWARES)('%s passes the trace of the incoming request on', async (name, run) => {
  const { tollgate, traces } = connect()
  const work: Promise<unknown>[] = []
  const headers = { 'X-API-Key': 'ck', traceparent: TRACE }
  await run(tollgate, new Request('https://api.example.com/v1/orders', { headers }), (one) => void work.push(one))
  await Promise.all(work)
  const report = name === 'tollgate/express' ? [] : [['/usage', TRACE]] // it is sent later, together with others
  expect(traces).toEqual([['/keys/verify', TRACE], ...report])
})

test('a metered model reserves and settles in the trace that it was given', async () => {
  const { tollgate, traces } = connect()
  const answer = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } }
  const openai = new OpenAI({ apiKey: 'sk', fetch: async () => Response.json(answer) })
  await meter(openai, tollgate, { key_id: 'k', traceparent: TRACE }).chat.completions.create({
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'Hello' }],
  })
  expect(traces).toEqual([
    ['/usage/reserve', TRACE],
    ['/usage/settle', TRACE],
  ])
})
