import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorker, startWorkerd, type Workerd } from '../../../bench/worker.ts'
import {
  ConflictError,
  ForbiddenError,
  InvalidRequestError,
  NotFoundError,
  Tollgate,
  UnauthenticatedError,
} from '../../../packages/tollgate/src/index.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate
let caller: Workerd

beforeAll(async () => {
  world = await startTollgate()
  tollgate = connect()
  caller = await startWorkerd({
    caller: {
      bundle: await buildWorker('test/node/client/caller-worker.ts'),
      bindings: { TOLLGATE: { service: 'tollgate', entrypoint: 'Tollgate' } },
    },
    tollgate: world.tollgate,
  })
})

afterAll(async () => {
  await caller.kill()
  await world.close()
})

const connect = (serviceKey = world.serviceKey) =>
  new Tollgate({ baseUrl: `${world.url}/`, serviceKey, verifyTimeoutMs: 10_000 })

/** A customer of only this test, with a key. */
async function customer() {
  const external_id = `customer/${crypto.randomUUID()}`
  const organization = await tollgate.customers.upsert({ external_id, name: 'Ada' })
  const issued = await tollgate.keys.issue({ external_id, name: 'Web shop', scopes: ['orders:read'] })
  return { external_id, organization, issued }
}

test('a customer is created once by its own id, gets a key, and the key verifies with the headers to pass on', async () => {
  const { external_id, organization, issued } = await customer()
  const again = await tollgate.customers.upsert({ external_id, name: 'Ada & Co.' })

  const verdict = await tollgate.keys.verify({ key: issued.key, scopes: ['orders:read'] })

  expect([again.id, again.name]).toEqual([organization.id, 'Ada & Co.'])
  expect(verdict).toMatchObject({
    valid: true,
    code: 'VALID',
    key_id: issued.id,
    external_id,
    headers: { 'RateLimit-Policy': expect.stringContaining('w=60'), RateLimit: expect.stringContaining('r=') },
  })
  expect(verdict.headers).not.toHaveProperty('Retry-After')
})

test('a refusal is a verdict, not an error, with the status and headers to respond with', async () => {
  const { issued } = await customer()

  expect(await tollgate.keys.verify({ key: issued.key, scopes: ['orders:write'] })).toMatchObject({
    valid: false,
    code: 'INSUFFICIENT_SCOPE',
    status: 403,
  })
  expect(await tollgate.keys.verify({ key: 'ck_live_unknown' })).toMatchObject({
    valid: false,
    code: 'NOT_FOUND',
    status: 401,
    headers: { 'WWW-Authenticate': 'Bearer' },
  })
  expect(await tollgate.keys.verify({ key: issued.key, cost: 1_000_000 })).toMatchObject({
    code: 'RATE_LIMITED',
    status: 429,
    never_fits: true,
  })
})

test('keys are listed, changed, rotated with a grace period, and revoked for good', async () => {
  const { external_id, issued } = await customer()

  const changed = await tollgate.keys.update({ external_id, key_id: issued.id, name: 'Shop', scopes: [] })
  const rotated = await tollgate.keys.rotate({ external_id, key_id: issued.id, grace_period_seconds: 60 })
  const { data } = await tollgate.keys.list({ external_id, status: 'active', limit: 10 })
  await tollgate.keys.revoke({ external_id, key_id: rotated.id })
  await tollgate.keys.revoke({ external_id, key_id: rotated.id })

  expect([changed.name, changed.scopes]).toEqual(['Shop', []])
  expect(rotated).toMatchObject({ rotated_from: issued.id, name: 'Shop' })
  expect(data.map(({ id }) => id)).toContain(rotated.id)
  expect(await tollgate.keys.verify({ key: rotated.key })).toMatchObject({ valid: false, code: 'REVOKED' })
})

test('recorded usage is sent in batches, and is in the summary after a flush', async () => {
  const { external_id, issued } = await customer()
  const events = Array.from({ length: 250 }, () => ({ key_id: issued.id, queries: 2 }))

  tollgate.usage.record(events)
  tollgate.usage.record({ key_id: issued.id, queries: 1 })
  await tollgate.usage.flush()

  const { totals } = await tollgate.usage.summary({ external_id })
  const quotas = await tollgate.quotas.get({ external_id })
  expect([totals.requests, totals.queries]).toEqual([251, 501])
  expect(quotas.meters.queries.used).toBe(501)
})

test('an event that the server rejects is reported as lost, and the others of its batch count', async () => {
  const { external_id, issued } = await customer()
  const lost: string[] = []
  const client = new Tollgate({
    baseUrl: world.url,
    serviceKey: world.serviceKey,
    usage: { durability: 'sync', onLost: (events) => lost.push(...events.map(({ reason }) => reason)) },
  })

  client.usage.record([
    { key_id: issued.id, queries: 1 },
    { key_id: crypto.randomUUID() },
    { key_id: issued.id, id: 'a' },
  ])
  client.usage.record({ key_id: issued.id, id: 'a', queries: 7 })
  await client.usage.flush()

  expect(lost).toEqual(['key_not_found', 'conflict'])
  expect((await client.usage.summary({ external_id })).totals.requests).toBe(2)
})

test('units are reserved, and settled with the actual use', async () => {
  const { external_id, issued } = await customer()

  const reserved = await tollgate.usage.reserve({ key_id: issued.id, tokens: 1_000 })
  if (!reserved.granted) throw new Error('The plan has tokens.')
  const held = await tollgate.quotas.get({ external_id })
  const settled = await tollgate.usage.settle({
    reservation_id: reserved.reservation_id,
    key_id: issued.id,
    output_tokens: 300,
  })

  expect(held.meters.tokens.held).toBe(1_000)
  expect(settled).toMatchObject({ outcome: 'settled', released: true })
  expect((await tollgate.quotas.get({ external_id })).meters.tokens).toMatchObject({ held: 0, used: 300 })
})

test('every other operation is called by its method and path, with its parameters in place', async () => {
  const { external_id, organization, issued } = await customer()
  await tollgate.usage.send([{ key_id: issued.id, endpoint: '/v1/answers', queries: 3 }])

  const found = await tollgate.call('GET /admin/organizations/by-external-id/{external_id}', {
    params: { external_id },
  })
  const breakdown = await tollgate.call('GET /usage/breakdown', { query: { by: 'endpoint', external_id } })
  const csv = await tollgate.call('GET /usage/export', { query: { external_id, what: 'daily' } })
  const nothing = await tollgate.call('DELETE /auth/api-keys/{id}', {
    params: { id: issued.id },
    query: { external_id },
  })

  expect(found.id).toBe(organization.id)
  expect(breakdown.data).toMatchObject([{ queries: 3 }])
  expect(csv.split('\n')[0]).toContain('queries')
  expect(nothing).toBeUndefined()
})

test('a POST that creates something is retried under one Idempotency-Key: it creates one thing', async () => {
  const { external_id } = await customer()
  let sent = 0
  const flaky = new Tollgate({
    baseUrl: world.url,
    serviceKey: world.serviceKey,
    async fetch(request) {
      const response = await fetch(request)
      if (++sent > 1) return response
      await response.arrayBuffer()
      throw new TypeError('The connection broke after the server did its work.')
    },
  })

  const issued = await flaky.keys.issue({ external_id, name: 'Once' })

  const { data } = await tollgate.keys.list({ external_id, search: 'Once' })
  expect(sent).toBe(2)
  expect(data.map(({ id }) => id)).toEqual([issued.id])
})

test('each kind of failure has a class with the code, the status, the request and the fields', async () => {
  const { external_id } = await customer()
  const failure = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    )
  const id = crypto.randomUUID()

  const wrong = await failure(tollgate.keys.issue({ external_id, name: '' }))
  expect(wrong).toBeInstanceOf(InvalidRequestError)
  expect(wrong).toMatchObject({ code: 'invalid_request', status: 400, errors: [{ path: 'body.name' }] })
  expect((wrong as InvalidRequestError).requestId).toMatch(/^[0-9a-f-]{36}$/)

  const missing = await failure(tollgate.keys.update({ external_id, key_id: id, name: 'x' }))
  expect(missing).toBeInstanceOf(NotFoundError)
  expect(missing).toMatchObject({ code: 'key_not_found', status: 404 })

  const unknown = await failure(connect('svc_live_unknown').keys.verify({ key: 'x' }))
  expect(unknown).toBeInstanceOf(UnauthenticatedError)

  const narrow = await tollgate
    .call('POST /admin/service-keys', { body: { name: 'Narrow', scopes: ['platform:verify'] } })
    .catch((error: unknown) => error)
  expect(narrow).toBeInstanceOf(ForbiddenError) // only administrators create service keys

  const taken = await failure(tollgate.call('POST /admin/organizations', { body: { name: 'Twin', external_id } }))
  expect(taken).toBeInstanceOf(ConflictError)
  expect(taken).toMatchObject({ code: 'external_id_taken', status: 409 })
})

/** Calls a method of the client inside a Worker that is bound to Tollgate. */
async function bound(method: string, input: object, options: object = {}) {
  const response = await fetch(caller.url, { method: 'POST', body: JSON.stringify({ method, input, options }) })
  return (await response.json()) as { answer?: any; [field: string]: unknown }
}

test('over the service binding the same methods return the same results, without a key', async () => {
  const { external_id, organization, issued } = await customer()
  const { key } = issued

  const overHttp = await tollgate.keys.verify({ key, cost: 0 })
  const { answer: verdict } = await bound('keys.verify', { key, cost: 0 })
  expect(Object.keys(verdict).toSorted()).toEqual(Object.keys(overHttp).toSorted())
  expect(verdict).toMatchObject({ valid: true, key_id: issued.id, headers: { RateLimit: expect.any(String) } })

  const upserted = await bound('customers.upsert', { external_id, name: 'Bound' })
  expect(upserted.answer).toEqual({ ...organization, name: 'Bound' })
  const { answer: other } = await bound('keys.issue', { external_id, name: 'Other' })
  expect((await bound('keys.update', { external_id, key_id: other.id, name: 'Mine' })).answer.name).toBe('Mine')
  const { answer: listed } = await bound('keys.list', { external_id })
  expect(listed.data.map(({ id }: { id: string }) => id)).toEqual([other.id, issued.id]) // the newest first
  const { answer: rotated } = await bound('keys.rotate', { external_id, key_id: other.id })
  expect(rotated.rotated_from).toBe(other.id)
  expect(await bound('keys.revoke', { external_id, key_id: rotated.id })).toEqual({})
  expect((await bound('usage.send', [{ key_id: issued.id, queries: 4 }] as object)).answer.accepted).toBe(1)
  const { answer: reserved } = await bound('usage.reserve', { key_id: issued.id, queries: 5 })
  const { reservation_id } = reserved
  expect((await bound('usage.settle', { reservation_id, cancel: true })).answer.outcome).toBe('canceled')
  expect((await bound('usage.summary', { external_id })).answer.totals.queries).toBe(4)
  expect((await bound('quotas.get', { external_id })).answer.meters.queries).toMatchObject({ used: 4, held: 0 })
})

test('over the service binding a failure is an error of the same class, and HTTP-only features are refused', async () => {
  const { external_id } = await customer()
  expect(await bound('keys.issue', { external_id, name: '' })).toMatchObject({
    name: 'InvalidRequestError',
    code: 'invalid_request',
    status: 400,
    requestId: expect.any(String),
    errors: [{ path: 'body.name' }],
  })
  const binding = { verifyKey: () => Promise.reject(new Error('Worker "tollgate" not found')) }
  const away = Tollgate.fromBinding(binding as never)
  expect(await away.keys.verify({ key: 'k' })).toMatchObject({ valid: false, code: 'UNAVAILABLE', status: 503 })
  const wider = away as Tollgate as Tollgate<'GET /admin/plans'>
  await expect(wider.call('GET /admin/plans')).rejects.toMatchObject({ code: 'not_over_binding' })
})
