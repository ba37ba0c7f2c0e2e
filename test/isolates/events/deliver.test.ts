import { afterEach, describe, expect, test, vi } from 'vitest'
import type { UserPrincipal } from '../../../src/auth/principal.ts'
import { claimDeliveries } from '../../../src/events/claim.ts'
import { rotateSecret } from '../../../src/webhooks/endpoints.ts'
import { directly } from '../../support/direct.ts'
import { failWebhooks } from '../../support/faults.ts'
import { call, eventually, newUser } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { managementDeps } from '../../support/management.ts'
import { stopClock } from '../../support/stop-clock.ts'
import { watchWebhooks } from '../../support/watch-webhooks.ts'
import { publish, type WebhookWorld, world } from '../../support/webhook-world.ts'
import { isSigned, newReceiver } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 60_000 })
afterEach(() => vi.restoreAllMocks())

const HOUR = 3_600_000
const ID = crypto.randomUUID()
const USER = { kind: 'user', userId: ID, impersonatorId: null } as unknown as UserPrincipal

/** Runs the job at each time at which the newest delivery is due. @returns seconds between attempts */
async function runUntilGivenUp({ isolate, runJob, deliveries }: WebhookWorld): Promise<number[]> {
  stopClock()
  const distances = []
  for (;;) {
    await runJob()
    const [{ next_attempt_at: next }] = await deliveries()
    if (next === null) return distances
    const ms = Date.parse(next) - isolate.now()
    distances.push(ms / 1000)
    isolate.advance(ms + 1_000)
  }
}

describe('an event', () => {
  test('arrives signed after the request is answered, and the log says so', async () => {
    const { happen, isolate, receiver, deliveries } = await world()
    const send = await happen({ meter: 'api_calls' })
    expect(await deliveries()).toMatchObject([{ state: 'pending', attempts: 0 }])
    send()
    await isolate.settled()

    const [caught, ...more] = await receiver.caught()
    expect(more).toEqual([])
    expect(JSON.parse(caught?.body ?? '')).toMatchObject({
      type: 'quota.threshold_reached',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: { meter: 'api_calls' },
    })
    expect(caught?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^Tollgate-Webhooks\//),
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
    })
    if (!caught) throw new Error('nothing arrived')
    expect(await isSigned(caught, receiver.secret)).toBe(true)
    expect(await isSigned({ ...caught, body: `${caught.body} ` }, receiver.secret)).toBe(false)
    expect(await deliveries()).toMatchObject([
      { state: 'delivered', attempts: 1, status_code: 204, error: null, next_attempt_at: null },
    ])
    expect((await deliveries())[0].event_id).toBe(caught.headers['webhook-id'])
  })

  test('goes to each endpoint that subscribes to it, and to no disabled or foreign one', async () => {
    const { happen, runJob, receiver, token } = await world()
    const asks = await newReceiver(token, { events: ['quota.threshold_reached'] })
    const asksNot = await newReceiver(token, { events: ['quota.exhausted'] })
    const off = await newReceiver(token)
    await call(`PATCH /api/v1/webhook-endpoints/${off.id}`, { token, body: { is_active: false } })
    const stranger = await newReceiver((await newUser()).token)
    await happen()
    await runJob()
    const arrived = await Promise.all([receiver, asks, asksNot, off, stranger].map((one) => one.caught()))
    expect(arrived.map((list) => list.length)).toEqual([1, 1, 0, 0, 0])
    expect(arrived[0]?.[0]?.headers['webhook-id']).toBe(arrived[1]?.[0]?.headers['webhook-id'])
  })

  test('is sent once by two concurrent runs of the job', async () => {
    const { happen, runJob, receiver, deliveries } = await world()
    await happen()
    await Promise.all([runJob(), runJob()])
    await runJob()
    expect(await receiver.caught()).toHaveLength(1)
    expect(await deliveries()).toMatchObject([{ state: 'delivered', attempts: 1 }])
  })

  test('of a rotated endpoint is signed with both secrets for exactly 24 hours', async () => {
    const { happen, runJob, receiver, isolate, organizationId } = await world()
    stopClock()
    const one = { organizationId, isOperator: false, id: receiver.id }
    const { secret } = await rotateSecret(managementDeps(isolate.deps()), USER, one)
    const verdicts = []
    for (const ms of [24 * HOUR - 1_000, 1_000]) {
      isolate.advance(ms)
      await happen()
      await runJob()
      const [caught] = await receiver.caught()
      if (!caught) throw new Error('nothing arrived')
      verdicts.push([await isSigned(caught, secret), await isSigned(caught, receiver.secret)])
    }
    expect(verdicts).toEqual([
      [true, true],
      [true, false],
    ])
  })
})

describe('F55 a delivery that fails', () => {
  test.each([
    ['an error', { kind: 'status', value: 500 }, 500, 'The endpoint answered 500.'],
    ['a dropped connection', { kind: 'reset_before' }, null, 'The endpoint could not be reached.'],
  ])(
    'by %s is retried 30 seconds later, not earlier, with the same id and a new time',
    async (_, fault, status, error) => {
      const { happen, runJob, receiver, isolate, organizationId, deliveries } = await world()
      stopClock()
      await failWebhooks(organizationId, { ...fault, count: 1 })
      await happen()
      await runJob()
      expect(await deliveries()).toMatchObject([{ state: 'pending', attempts: 1, status_code: status, error }])
      isolate.advance(29_999)
      await runJob()
      expect(await receiver.caught()).toEqual([])
      isolate.advance(7_000)
      await runJob()
      const [delivery] = await deliveries()
      expect(delivery).toMatchObject({ state: 'delivered', attempts: 2, status_code: 204, error: null })
      const [caught] = await receiver.caught()
      expect(caught?.headers['webhook-id']).toBe(delivery.event_id)
      expect(Number(caught?.headers['webhook-timestamp']) - Date.parse(delivery.created_at) / 1000).toBeGreaterThan(30)
    },
  )

  test('by a redirect is not followed', async () => {
    const { happen, runJob, receiver, deliveries } = await world({}, '?status=307')
    await happen()
    await runJob()
    expect(await receiver.caught()).toHaveLength(1)
    expect(await deliveries()).toMatchObject([
      { state: 'pending', status_code: 307, error: expect.stringContaining('redirects') },
    ])
  })

  test('is tried eight times, at growing intervals, and then given up; the fifth such event disables the endpoint', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const here = await world({}, '?status=503')
    await here.happen()
    const distances = await runUntilGivenUp(here)
    const least = [30, 120, 600, 1_800, 7_200, 21_600, 43_200]
    expect(distances).toHaveLength(least.length)
    for (const [at, seconds] of distances.entries()) {
      expect(seconds).toBeGreaterThanOrEqual(least[at] ?? 0)
      expect(seconds).toBeLessThanOrEqual((least[at] ?? 0) * 1.2)
    }
    expect(await here.deliveries()).toMatchObject([{ state: 'failed', attempts: 8, status_code: 503 }])
    expect(await here.endpoint()).toMatchObject({ is_active: true, failed_events: 1 })

    await directly().sql.query('update webhook_endpoints set failed_events = 4 where id = $1', [here.receiver.id])
    await here.happen()
    await directly().sql.query('update webhook_deliveries set attempts = 7 where endpoint_id = $1 and attempts = 0', [
      here.receiver.id,
    ])
    await here.happen()
    await Promise.all([here.runJob(), here.runJob()])
    await here.runJob()
    expect(await here.endpoint()).toMatchObject({
      is_active: false,
      disabled_reason: expect.stringContaining('5 events in a row'),
    })
    expect((await here.deliveries()).map(({ state }: { state: string }) => state)).toEqual([
      'failed',
      'failed',
      'failed',
    ])
    await call(`PATCH /api/v1/webhook-endpoints/${here.receiver.id}`, { token: here.token, body: { is_active: true } })
    expect(await here.endpoint()).toMatchObject({ is_active: true, disabled_reason: null, failed_events: 0 })
    const rows = await directly().sql.query('select subject from mail_outbox where recipient = $1', [here.email])
    expect(rows).toMatchObject([{ subject: expect.stringContaining('was disabled') }])
  })

  test('with 410 disables the endpoint at once, gives up pending deliveries, and notifies its owner', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { happen, runJob, endpoint, deliveries, email, receiver } = await world({}, '?status=410')
    await happen()
    await happen()
    await runJob()
    expect(await receiver.caught()).toHaveLength(1)
    expect(await endpoint()).toMatchObject({ is_active: false, disabled_reason: expect.stringContaining('410') })
    expect(await deliveries()).toMatchObject([
      { state: 'failed', error: 'The endpoint was disabled.' },
      { state: 'failed', status_code: 410 },
    ])
    const [row] = await directly().sql.query('select text from mail_outbox where recipient = $1', [email])
    expect(row?.text).toContain(receiver.id)
  })

  test('does not fail because of a megabyte of response: nobody reads it', async () => {
    const { happen, runJob, deliveries } = await world({}, '?status=200&bytes=1000000')
    await happen()
    await runJob()
    expect(await deliveries()).toMatchObject([{ state: 'delivered', status_code: 200 }])
  })

  test('because its secret cannot be read fails like any other, and delays nothing else', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { happen, runJob, receiver, deliveries, token } = await world()
    const other = await newReceiver(token)
    await directly().sql.query(`update webhook_endpoints set secret = '\\x00' where id = $1`, [receiver.id])
    await happen()
    await runJob()
    expect(await deliveries()).toMatchObject([
      { state: 'pending', attempts: 1, error: 'The signing secret cannot be read. Rotate it.' },
    ])
    expect(await other.caught()).toHaveLength(1)
  })

  test('and then arrives ends the streak of failures', async () => {
    const { happen, runJob, endpoint, receiver } = await world()
    await directly().sql.query('update webhook_endpoints set failed_events = 4 where id = $1', [receiver.id])
    await happen()
    await runJob()
    expect(await endpoint()).toMatchObject({ is_active: true, failed_events: 0 })
  })
})

test('an address that became forbidden after it was saved is checked again, and nothing is sent', async () => {
  const { organizationId, receiver, deliveries } = await world()
  const elsewhere = await newIsolate() // not on a loopback address, unlike the receiver
  const send = await publish(elsewhere.deps(), organizationId)
  send()
  await elsewhere.settled()
  expect(await receiver.caught()).toEqual([])
  expect(await deliveries()).toMatchObject([
    { state: 'pending', attempts: 1, status_code: null, error: expect.stringMatching(/^The address must/) },
  ])
})

describe('the order of a job', () => {
  /** Queues an event for each endpoint, due for this many seconds. @returns the ids of the deliveries */
  async function due(here: WebhookWorld, seconds: number): Promise<string[]> {
    await here.happen()
    const rows = await directly().sql.query(
      `update webhook_deliveries set next_attempt_at = now() - make_interval(secs => $2)
       where organization_id = $1 and state = 'pending' returning id`,
      [here.organizationId, seconds],
    )
    return rows.map(({ id }) => id)
  }

  test('takes one delivery of each organization, however long others have been due', async () => {
    const [many, one] = [await world(), await world()]
    for (let more = 0; more < 2; more++) await newReceiver(many.token)
    const ids = [...(await due(many, 600)), ...(await due(one, 5))]
    expect(ids).toHaveLength(4)
    const turns = []
    for (const atMost of [2, 2]) {
      const claimed = await claimDeliveries(one.isolate.deps(), { atMost, lanesOf: ids })
      turns.push(claimed.map(({ organizationId }) => organizationId).toSorted())
    }
    expect(turns).toEqual([
      [many.organizationId, one.organizationId].toSorted(),
      [many.organizationId, many.organizationId],
    ])
  })

  test('does not wait for an endpoint whose last response was slow: six slow ones do not delay a seventh', async () => {
    const [dead, healthy] = [await world(), await world()]
    const others = []
    for (let more = 0; more < 5; more++) others.push(await newReceiver(dead.token))
    const ids = await due(dead, 600)
    await directly().sql.query(
      `update webhook_deliveries set attempts = 1, response_time_ms = 10000, last_error = 'The endpoint did not answer within 10 s.'
       where id = any($1)`,
      [ids],
    )
    await due(healthy, 5)
    const dying = [dead.receiver, ...others]
    const seen = watchWebhooks(dying, () => eventually(healthy.receiver.caught, (list) => list.length === 1))
    await healthy.runJob(dead)
    expect(seen).toMatchObject({ most: 4, all: 6 })
    expect(await healthy.receiver.caught()).toHaveLength(1)
  })
})
