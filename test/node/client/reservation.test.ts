import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildWorker, startWorkerd, type Workerd } from '../../../bench/worker.ts'
import { type LostEvent, Tollgate, type TollgateOptions } from '../../../packages/tollgate/src/index.ts'
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

const connect = (options: Partial<TollgateOptions> = {}) =>
  new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, verifyTimeoutMs: 10_000, ...options })

async function customer() {
  const external_id = crypto.randomUUID()
  await tollgate.customers.upsert({ external_id, name: 'Ada' })
  const { id: key_id } = await tollgate.keys.issue({ external_id, name: 'Key' })
  const tokens = async () => (await tollgate.quotas.get({ external_id })).meters.tokens
  return { external_id, key_id, tokens }
}

test('work runs while its units are held, and then counts the use that it reported', async () => {
  const { key_id, tokens, external_id } = await customer()
  const done = await tollgate.withReservation(
    { key_id, model: 'gpt-4o', tokens: 900 },
    async ({ reservation, use }) => {
      expect(reservation?.held.tokens).toBe(900)
      expect((await tokens()).held).toBe(900)
      use({ input_tokens: 10 })
      use({ output_tokens: 20, endpoint: '/v1/answers' })
      return 'answer'
    },
  )

  expect(done).toEqual({ granted: true, result: 'answer' })
  expect(await tokens()).toMatchObject({ held: 0, used: 30 })
  const { data } = await tollgate.call('GET /usage/breakdown', { query: { by: 'model', external_id } })
  expect(data).toMatchObject([{ value: 'gpt-4o', tokens: 30 }])
})

test('amounts of custom meters are verified, held, settled and reported', async () => {
  const { key_id, external_id } = await customer()
  const images = async () => (await tollgate.quotas.get({ external_id })).meters.images
  await tollgate.call('POST /admin/meters', {
    body: { slug: 'images', name: 'Images', unit: 'images', kind: 'counter' },
  })
  const done = await tollgate.withReservation({ key_id, quantities: { images: 4 } }, ({ reservation, use }) => {
    expect(reservation?.held.images).toBe(4)
    use({ quantities: { images: 3 } })
  })
  expect(done).toMatchObject({ granted: true })
  expect(await images()).toMatchObject({ held: 0, used: 3 })
  await tollgate.usage.send([{ key_id, quantities: { images: 2 } }])
  const { key } = await tollgate.keys.issue({ external_id, name: 'Another key' })
  const verdict = await tollgate.keys.verify({ key, quantities: { images: 1 } })
  expect(verdict).toMatchObject({ valid: true, quotas: { images: { used: 6, limit: null } } })
})

test('refused work does not run: the verdict says which meter was exceeded', async () => {
  const { key_id } = await customer()
  let runs = 0
  const refused = await tollgate.withReservation({ key_id, tokens: 1e10 }, () => void runs++)
  expect(refused).toMatchObject({ granted: false, code: 'QUOTA_EXCEEDED', exceeded: { meter: 'tokens' } })
  expect(runs).toBe(0)
})

test('work that fails counts its use until then, and nothing if it reported none', async () => {
  const { key_id, tokens } = await customer()
  const failing = tollgate.withReservation({ key_id, tokens: 500 }, ({ use }) => {
    use({ output_tokens: 7 })
    throw new Error('The model failed.')
  })
  await expect(failing).rejects.toThrow('The model failed.')
  expect(await tokens()).toMatchObject({ held: 0, used: 7 })

  await expect(
    tollgate.withReservation({ key_id, tokens: 500 }, () => Promise.reject(new Error('At once.'))),
  ).rejects.toThrow()
  expect(await tokens()).toMatchObject({ held: 0, used: 7 })
})

test('work that is aborted counts its use until then, even if it ignores the signal', async () => {
  const { key_id, tokens } = await customer()
  const controller = new AbortController()
  const work = tollgate.withReservation(
    { key_id, tokens: 500 },
    ({ use, signal }) => {
      use({ output_tokens: 3 })
      expect(signal?.aborted).toBe(false)
      controller.abort()
      return new Promise(() => undefined)
    },
    { signal: controller.signal },
  )
  await expect(work).rejects.toMatchObject({ code: 'aborted' })
  expect(await tokens()).toMatchObject({ held: 0, used: 3 })
})

test('a settlement whose response is lost counts once, and one that never arrives waits in the queue', async () => {
  const { key_id, tokens } = await customer()
  const told: LostEvent[] = []
  const usage = { onLost: (events: readonly LostEvent[]) => void told.push(...events) }
  const lost = connect({
    retries: 0,
    usage,
    async fetch(request) {
      const response = await fetch(request)
      if (!request.url.endsWith('/settle')) return response
      await response.arrayBuffer()
      throw new TypeError('The connection broke after the server did its work.')
    },
  })
  const never = connect({
    retries: 0,
    usage,
    fetch: (request) => (request.url.endsWith('/settle') ? Promise.reject(new TypeError('Away.')) : fetch(request)),
  })
  for (const client of [lost, never]) {
    await client.withReservation({ key_id, tokens: 500 }, ({ use }) => use({ output_tokens: 5 }))
    await client.usage.flush()
  }
  expect((await tokens()).used).toBe(10)
  expect(told).toEqual([]) // what was counted is not lost
})

test('while Tollgate is down work does not run; where that is allowed it does, and its use is recorded', async () => {
  const { key_id, tokens } = await customer()
  let isAway = true
  const client = connect({
    retries: 0,
    fetch: (request) => (isAway ? Promise.reject(new TypeError('Away.')) : fetch(request)),
  })
  const run = (onUnavailable?: 'allow') =>
    client.withReservation({ key_id, tokens: 500 }, ({ use }) => use({ output_tokens: 4 }), { onUnavailable })

  await expect(run()).rejects.toMatchObject({ code: 'network_error' })
  expect(await run('allow')).toMatchObject({ granted: true })
  isAway = false
  await client.usage.flush()
  expect((await tokens()).used).toBe(4)
  const wrong = connect({ serviceKey: 'svc_live_wrong' })
  await expect(
    wrong.withReservation({ key_id, tokens: 5 }, () => undefined, { onUnavailable: 'allow' }),
  ).rejects.toMatchObject({ code: 'unauthenticated' })
})

test.each<[string, { reserve?: { granted: boolean; reservation_id: string } }]>([
  ['a reservation that could not be settled', { reserve: { granted: true, reservation_id: 'hold_1' } }],
  ['work that ran without a reservation', {}],
])('the recorded use of %s has everything that the reservation had besides its amounts', async (_, { reserve }) => {
  const bodies: Record<string, Record<string, unknown>> = {}
  const client = connect({
    retries: 0,
    async fetch(request) {
      const end = request.url.split('/').at(-1) ?? ''
      bodies[end] = (await request.json()) as Record<string, unknown>
      if (end === 'usage') return Response.json({ accepted: 1, duplicates: 0, conflicts: [], rejected: [] })
      return end === 'reserve' && reserve ? Response.json(reserve) : new Response(null, { status: 503 })
    },
  })
  const said = { key_id: 'k', external_id: 'c', subject: 'user-7', provider: 'openai', model: 'gpt-4o' }
  const held = { ...said, input_tokens: 9, quantities: { images: 2 }, expires_in_seconds: 60, idempotency_key: 'i' }
  await client.withReservation(held, ({ use }) => use({ output_tokens: 5, endpoint: '/v1/answers' }), {
    onUnavailable: 'allow',
  })
  await client.usage.flush()

  const recorded = { ...said, output_tokens: 5, endpoint: '/v1/answers', timestamp: expect.any(String) }
  expect(bodies.usage?.events).toEqual([{ ...recorded, id: reserve?.reservation_id ?? expect.any(String) }])
  if (reserve) expect(bodies.settle).toMatchObject({ subject: 'user-7', output_tokens: 5 })
})

test('a user is identified by their token, over HTTP and over the service binding', async () => {
  const email = `${crypto.randomUUID()}@example.com`
  const password = 'SecurePassword123!'
  const post = async (path: string, body: object) =>
    (await fetch(`${world.url}/api/v1/auth/${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }).then((response) => response.json())) as Record<string, string>
  const user = await post('register', { email, password, confirm_password: password })
  const { access_token: token = '' } = await post('login', { email, password })
  const bound = async (input: object) => {
    const body = JSON.stringify({ method: 'tokens.verify', input })
    const answered = (await (await fetch(caller.url, { method: 'POST', body })).json()) as { answer: object }
    return answered.answer
  }

  for (const verify of [tollgate.tokens.verify, bound]) {
    expect(await verify({ token, permission: 'keys:write' })).toMatchObject({
      valid: true,
      user_id: user.id,
      organization_id: user.organization_id,
      role: 'owner',
    })
    expect(await verify({ token: 'eyJ.x.y' })).toMatchObject({ valid: false, code: 'UNAUTHENTICATED' })
  }
})
