import { afterEach, expect, test, vi } from 'vitest'
import type { UserPrincipal } from '../../../src/auth/principal.ts'
import { openPolar } from '../../../src/billing/providers/polar.ts'
import { deliverNow } from '../../../src/events/deliver.ts'
import { resend, testEndpoint } from '../../../src/webhooks/send-manually.ts'
import { directly } from '../../support/direct.ts'
import { call, eventually } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'
import { urlOf } from '../../support/shop.ts'
import { world } from '../../support/webhook-world.ts'

vi.setConfig({ testTimeout: 30_000 })
afterEach(() => vi.restoreAllMocks())

const ID = crypto.randomUUID()
const USER = { kind: 'user', userId: ID, impersonatorId: null } as unknown as UserPrincipal

/** Responds once to requests to an address, and counts them. */
function answering(path: string, answer: Response): () => number {
  const real = globalThis.fetch
  let count = 0
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (!urlOf(input).includes(path)) return real(input, init)
    count += 1
    return count === 1 ? answer : real(input, init)
  })
  return () => count
}

/** An endpoint that answers its first request with `Retry-After: 600`, and an isolate with its own clock. */
async function busyEndpoint(status: number) {
  const here = await world()
  here.isolate.advance(30 * 24 * 3_600_000) // due for nobody else: other tests run the job
  const sent = answering(here.receiver.id, new Response(null, { status, headers: { 'Retry-After': '600' } }))
  await here.happen()
  const [{ id }] = await here.deliveries()
  /** Attempts what is due in its lane: the job would also take those of other tests. */
  const attemptAfter = async (seconds: number) => {
    here.isolate.advance(seconds * 1_000)
    await deliverNow(here.isolate.deps(), [id])
    return sent()
  }
  const dueInSeconds = async () =>
    (await here.deliveries()).map(
      ({ next_attempt_at }: { next_attempt_at: string }) => (Date.parse(next_attempt_at) - here.isolate.now()) / 1_000,
    )
  return { ...here, sent, attemptAfter, dueInSeconds }
}

test.each([429, 503])('an endpoint that answers %i is left alone for as long as it requests', async (status) => {
  const { attemptAfter, dueInSeconds } = await busyEndpoint(status)
  expect(await attemptAfter(0)).toBe(1)
  const [seconds] = await dueInSeconds()
  expect(seconds).toBeGreaterThan(590)
  expect(seconds).toBeLessThanOrEqual(600)
  expect(await attemptAfter(60)).toBe(1)
  expect(await attemptAfter(541)).toBe(2)
})

test('events wait in their lane while an endpoint is left alone, even those sent manually', async () => {
  const { attemptAfter, dueInSeconds, happen, isolate, sent, organizationId, receiver } = await busyEndpoint(429)
  await attemptAfter(0)
  const send = await happen()
  send()
  const deps = managementDeps(isolate.deps())
  const [oldest] = await directly().sql.query('select id from webhook_deliveries where endpoint_id = $1 order by id', [
    receiver.id,
  ])
  await resend(deps, USER, { organizationId, isOperator: false, id: receiver.id }, oldest?.id)
  await testEndpoint(deps, USER, { organizationId, isOperator: false, id: receiver.id })
  await isolate.settled()
  expect(sent()).toBe(1)
  const due = await dueInSeconds()
  expect(due).toHaveLength(3)
  expect(Math.min(...due)).toBeGreaterThan(550)
  await attemptAfter(601)
  await eventually(
    async () => sent(),
    (count) => count === 4,
  )
})

test('an event in transit when the endpoint requested a pause waits as well', async () => {
  const { attemptAfter, sent, receiver, isolate } = await busyEndpoint(429)
  await attemptAfter(0)
  await directly().sql.query('update webhook_deliveries set next_attempt_at = $2 where endpoint_id = $1', [
    receiver.id,
    new Date(isolate.now()).toISOString(),
  ])
  expect(await attemptAfter(1)).toBe(1)
  expect(sent()).toBe(1)
})

test('an endpoint is no longer left alone once its owner changes its address, and gets what waited', async () => {
  const { attemptAfter, happen, isolate, sent, receiver, token } = await busyEndpoint(429)
  await attemptAfter(0)
  const [before] = await directly().sql.query('select url from webhook_endpoints where id = $1', [receiver.id])
  await call(`PATCH /api/v1/webhook-endpoints/${receiver.id}`, { token, body: { url: 'https://new.example.com/' } })
  await directly().sql.query('update webhook_endpoints set url = $2 where id = $1', [receiver.id, before?.url])
  const send = await happen()
  send()
  await isolate.settled()
  expect(sent()).toBe(3)
})

test.each([{ url: 'https://new.example.com/' }, { is_active: true }])(
  'what waited for the end of a pause is sent as soon as %j ends it, and what is due later is not',
  async (change) => {
    const { attemptAfter, dueInSeconds, happen, receiver, token } = await busyEndpoint(429)
    await attemptAfter(0)
    for (let more = 0; more < 2; more++) await happen()
    await directly().sql.query(
      `update webhook_deliveries set next_attempt_at = next_attempt_at + interval '1 day'
      where id = (select max(id::text)::uuid from webhook_deliveries where endpoint_id = $1)`,
      [receiver.id],
    )
    const waiting = async () => (await dueInSeconds()).filter((seconds: number) => seconds > 0)
    expect(await waiting()).toHaveLength(3)
    await call(`PATCH /api/v1/webhook-endpoints/${receiver.id}`, { token, body: change })
    expect(await waiting()).toHaveLength(1)
  },
)

test('a change that leaves the address as it is does not end a pause', async () => {
  const { attemptAfter, dueInSeconds, receiver, token } = await busyEndpoint(429)
  await attemptAfter(0)
  const url = 'https://same.example.com/'
  await directly().sql.query('update webhook_endpoints set url = $2 where id = $1', [receiver.id, url])
  const body = { url, description: 'The same' }
  expect((await call(`PATCH /api/v1/webhook-endpoints/${receiver.id}`, { token, body })).status).toBe(200)
  const [paused] = await directly().sql.query('select paused_until from webhook_endpoints where id = $1', [receiver.id])
  expect(paused?.paused_until).not.toBeNull()
  expect((await dueInSeconds())[0]).toBeGreaterThan(590)
})

test('a request to a payment provider that limits its rate gets a Retry-After', async () => {
  answering('/polar/v1/', new Response('{}', { status: 429, headers: { 'Retry-After': '90' } }))
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const refused = openPolar(directly().config).getSubscription('sub_1')
  await expect(refused).rejects.toMatchObject({
    code: 'billing_unavailable',
    extra: { headers: { 'Retry-After': '90' } },
  })
})
