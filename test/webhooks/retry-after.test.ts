import { afterEach, expect, test, vi } from 'vitest'
import { openPolar } from '../../src/billing/polar.ts'
import { deliverNow } from '../../src/webhooks/deliver.ts'
import { deliveriesFor } from '../../src/webhooks/event.ts'
import { directly } from '../support/direct.ts'
import { call, newUser } from '../support/http.ts'
import { newIsolate } from '../support/isolate.ts'
import { managementDeps } from '../support/management.ts'
import { urlOf } from '../support/shop.ts'
import { LOCAL, newReceiver } from '../support/webhooks.ts'

afterEach(() => vi.restoreAllMocks())

/** Answers what goes to an address, once, and counts what is sent to it. */
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

test.each([429, 503])('an endpoint that answers %i is left alone for as long as it asks', async (status) => {
  const { token, user } = await newUser()
  const organizationId = user.organization_id as string
  const receiver = await newReceiver(token)
  const isolate = await newIsolate(LOCAL)
  isolate.advance(30 * 24 * 3_600_000) // due for nobody else: other tests run the job
  const happen = async () => {
    const event = {
      organizationId,
      type: 'usage.threshold_reached',
      data: { organization_id: organizationId },
    } as const
    await deliveriesFor(managementDeps(isolate.deps()), event).insert
  }
  const deliveries = async () =>
    (await call(`GET /api/v1/webhook-endpoints/${receiver.id}/deliveries`, { token })).body.data
  const sent = answering(receiver.id, new Response(null, { status, headers: { 'Retry-After': '600' } }))
  await happen()
  const [{ id }] = await deliveries()
  /** Attempts it if it is due: the job would take those of other tests as well. */
  const attemptAfter = async (seconds: number) => {
    isolate.advance(seconds * 1_000)
    await deliverNow(isolate.deps(), [id])
    return sent()
  }
  expect(await attemptAfter(0)).toBe(1)
  const [{ next_attempt_at }] = await deliveries()
  const seconds = (Date.parse(next_attempt_at) - isolate.now()) / 1_000
  expect(seconds).toBeGreaterThan(590)
  expect(seconds).toBeLessThanOrEqual(600)
  expect(await attemptAfter(60)).toBe(1)
  expect(await attemptAfter(541)).toBe(2)
})

test('who asks a payment provider that has had enough is told when to come again', async () => {
  answering('/polar/v1/', new Response('{}', { status: 429, headers: { 'Retry-After': '90' } }))
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const refused = openPolar(directly().config).getSubscription('sub_1')
  await expect(refused).rejects.toMatchObject({
    code: 'billing_unavailable',
    extra: { headers: { 'Retry-After': '90' } },
  })
})
