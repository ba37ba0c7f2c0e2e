import { afterEach, describe, expect, test, vi } from 'vitest'
import { claimDeliveries } from '../../../src/events/claim.ts'
import { deliverNow } from '../../../src/events/deliver.ts'
import { notePutBack } from '../../../src/events/outcome.ts'
import { SLOW_MS } from '../../../src/events/slow-ms.ts'
import { directly } from '../../support/direct.ts'
import { failWebhooks } from '../../support/faults.ts'
import { eventually } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { watchWebhooks } from '../../support/watch-webhooks.ts'
import { type WebhookWorld, world } from '../../support/webhook-world.ts'
import { LOCAL, newReceiver } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 60_000 })
const CUT_OFF = { isDelivered: false, statusCode: null, error: null, isCutOff: true } as const
const LATER_MS = 30 * 24 * 3_600_000
afterEach(() => vi.restoreAllMocks())

/** Its events are due for nobody else: other tests run the job. */
async function lateWorld(): Promise<WebhookWorld> {
  const here = await world()
  here.isolate.advance(LATER_MS)
  return here
}

async function happenings(here: WebhookWorld, count: number): Promise<string[]> {
  for (let place = 0; place < count; place++) await here.happen({ place })
  return (await here.deliveries()).map(({ id }: { id: string }) => id).toReversed()
}

/** In the order of arrival. */
const placesOf = async ({ receiver }: WebhookWorld) =>
  (await receiver.caught()).toReversed().map(({ body }) => JSON.parse(body).data.place)

describe('the lane of an endpoint', () => {
  test('waits for a slow delivery of its own, and no other lane does', async () => {
    const [slow, fast] = [await world(), await world()]
    await happenings(slow, 2)
    await happenings(fast, 4)
    const arrivedMeanwhile: number[] = []
    const seen = watchWebhooks([slow.receiver], async () => {
      const others = await eventually(fast.receiver.caught, (list) => list.length === 4)
      arrivedMeanwhile.push(others.length)
    })
    await fast.runJob(slow)
    expect(arrivedMeanwhile).toEqual([4, 4])
    expect(seen).toMatchObject({ most: 1, all: 2 })
    expect(await placesOf(slow)).toEqual([0, 1])
  })

  test('delivers one by one and in order, even by concurrent runs: each arrives once', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 5)
    await failWebhooks(here.organizationId, { kind: 'delay', value: 200, count: 5 })
    const seen = watchWebhooks([here.receiver])
    const other = await newIsolate(LOCAL)
    other.advance(LATER_MS)
    await Promise.all([here.isolate, other, here.isolate, other].map((one) => deliverNow(one.deps(), ids)))
    expect(await placesOf(here)).toEqual([0, 1, 2, 3, 4])
    expect(seen).toMatchObject({ most: 1, all: 5 })
    expect(await here.deliveries()).toEqual(
      Array.from({ length: 5 }, () => expect.objectContaining({ state: 'delivered', attempts: 1 })),
    )
  })

  test('is continued by whoever holds it: an event that finds it busy does not wait for the job', async () => {
    const here = await lateWorld()
    const send = await here.happen({ place: 0 })
    const seen = watchWebhooks([here.receiver], () =>
      vi.waitUntil(() => seen.claims.answered >= 3, { timeout: 20_000 }),
    )
    send() // this queries twice: the lane is busy then
    await vi.waitUntil(() => seen.atOnce === 1, { timeout: 20_000 })
    const sendNext = await here.happen({ place: 1 })
    sendNext() // this queries once
    await here.isolate.settled()
    expect(await placesOf(here)).toEqual([0, 1])
    expect(seen.most).toBe(1)
  })

  test('is free half a minute after a run that died, however often the delivery was tried before', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 2)
    await directly().sql.query('update webhook_deliveries set attempts = 6 where id = $1', [ids[0]])
    const dead = await claimDeliveries(here.isolate.deps(), { atMost: 4, lanesOf: ids })
    expect(dead.map(({ id }) => id)).toEqual([ids[0]])
    here.isolate.advance(15_000)
    await deliverNow(here.isolate.deps(), ids)
    expect(await here.receiver.caught()).toEqual([])
    here.isolate.advance(16_000)
    await deliverNow(here.isolate.deps(), ids)
    expect(await placesOf(here)).toEqual([1, 0]) // the first was claimed for longer
  })

  test('is not freed by an attempt that was superseded', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 1)
    await failWebhooks(here.organizationId, { kind: 'status', value: 500, count: 1 })
    const other = await newIsolate(LOCAL)
    other.advance(LATER_MS + 31_000) // to it the first is dead, and its delivery can be claimed again
    const overtaking: unknown[] = []
    watchWebhooks([here.receiver], async () => {
      overtaking.push(...(await claimDeliveries(other.deps(), { atMost: 1, lanesOf: ids })))
    })
    await deliverNow(here.isolate.deps(), ids)
    expect(overtaking).toMatchObject([{ attempts: 2 }])
    const [lane] = await directly().sql.query('select busy_until from webhook_endpoints where id = $1', [
      here.receiver.id,
    ])
    expect(lane?.busy_until).not.toBeNull()
  })
})

describe('the lane of slow endpoints', () => {
  /** This many endpoints, each of its own organization, that are due before the others and never respond by themselves. */
  async function dueAt(count: number, ageSeconds: number) {
    const worlds = []
    for (let place = 0; place < count; place++) {
      const here = await world()
      await here.happen()
      await directly().sql.query(
        `update webhook_deliveries set next_attempt_at = now() - make_interval(secs => $2) where organization_id = $1`,
        [here.organizationId, ageSeconds],
      )
      worlds.push(here)
    }
    return worlds as [WebhookWorld, ...WebhookWorld[]]
  }
  const receiversOf = (worlds: readonly WebhookWorld[]) => worlds.map(({ receiver }) => receiver)
  const stateOf = async (here: WebhookWorld) => (await here.deliveries())[0]
  const isDelivered = async (here: WebhookWorld) => (await stateOf(here)).state === 'delivered'

  test('takes in endpoints that turn out to be slow: six that hang do not delay twelve others, even at first', async () => {
    const [hanging, quick] = [await dueAt(6, 600), await dueAt(12, 5)]
    const [first, ...others] = quick
    const areServed = async () => (await Promise.all(quick.map(isDelivered))).every(Boolean)
    const seen = watchWebhooks(receiversOf(hanging), (cut) =>
      vi.waitUntil(async () => cut?.aborted || (await areServed()), { timeout: 50_000, interval: 200 }),
    )
    await first.runQuick(...others, ...hanging)
    expect(await areServed()).toBe(true)
    expect(seen.all).toBe(6)
    const states = await Promise.all(hanging.map(stateOf))
    const cutOff = states.filter(({ state }) => state === 'pending')
    expect(cutOff.length).toBeGreaterThanOrEqual(3) // at most three places hang if nobody needs them
    for (const one of cutOff) expect(one).toMatchObject({ attempts: 0, error: null })
  })

  test('has its own job: the other one leaves them alone until they respond in time again', async () => {
    const here = await lateWorld()
    await here.happen({ place: 0 })
    await here.runQuick()
    await directly().sql.query('update webhook_deliveries set response_time_ms = $2 where endpoint_id = $1', [
      here.receiver.id,
      SLOW_MS,
    ])
    await here.happen({ place: 1 })
    expect(await here.runQuick()).toEqual({ delivered: 0, failed: 0, cut_off: 0 })
    expect(await here.runSlow()).toEqual({ delivered: 1, failed: 0, cut_off: 0 })
    await here.happen({ place: 2 })
    expect(await here.runSlow()).toEqual({ delivered: 0, failed: 0, cut_off: 0 })
    expect(await here.runQuick()).toEqual({ delivered: 1, failed: 0, cut_off: 0 })
    expect(await placesOf(here)).toEqual([0, 1, 2])
  })

  test('gets two of the four places after a request, so that an event reaches fast endpoints at once', async () => {
    const here = await lateWorld()
    const slow = [here.receiver]
    for (let more = 1; more < 5; more++) slow.push(await newReceiver(here.token))
    await here.happen({ place: 0 })
    await directly().sql.query(
      `update webhook_deliveries set response_time_ms = 9000, attempts = 1, last_error = 'Slow.' where organization_id = $1`,
      [here.organizationId],
    )
    const quick = await newReceiver(here.token)
    const heldAtOnce: number[] = []
    const seen = watchWebhooks(slow, async () => {
      if ((await quick.caught()).length > 0) return // the slow ones are fast from then on
      await eventually(quick.caught, (list) => list.length === 1)
      heldAtOnce.push(seen.atOnce)
    })
    const send = await here.happen({ place: 1 })
    send()
    await here.isolate.settled()
    expect(Math.max(...heldAtOnce)).toBeLessThanOrEqual(2)
    expect(await quick.caught()).toHaveLength(1)
  })

  test('keeps the order and a unique state: an interrupted delivery is due at once, before later ones', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 2)
    const [claimed] = await claimDeliveries(here.isolate.deps(), { atMost: 1, lanesOf: ids })
    if (!claimed) throw new Error('Nothing is due.')
    await notePutBack(here.isolate.deps(), claimed, { ...CUT_OFF, responseTimeMs: 400 })
    const [again] = await claimDeliveries(here.isolate.deps(), { atMost: 1, lanesOf: ids })
    expect(again).toMatchObject({ id: claimed.id, attempts: 1, isSlow: true })
    await directly().sql.query(`update webhook_deliveries set type = 'organization.state' where id = $1`, [claimed.id])
    await notePutBack(here.isolate.deps(), again ?? claimed, { ...CUT_OFF, responseTimeMs: 400 })
    const rows = await directly().sql.query('select attempts from webhook_deliveries where id = $1', [claimed.id])
    expect(rows).toEqual([{ attempts: 1 }]) // at 0 it could be the second state that waits for its first attempt
  })
})

describe('a run', () => {
  test('has at most four concurrent attempts, of ten endpoints', async () => {
    const here = await lateWorld()
    const receivers = [here.receiver]
    for (let more = 1; more < 10; more++) receivers.push(await newReceiver(here.token))
    const send = await here.happen()
    await failWebhooks(here.organizationId, { kind: 'delay', value: 200, count: 10 })
    const seen = watchWebhooks(receivers, () => vi.waitUntil(() => seen.most >= 4, { timeout: 20_000 }))
    send()
    await here.isolate.settled()
    expect(seen).toMatchObject({ most: 4, all: 10 })
  })

  test('shares forty deliveries with two concurrent runs: each is sent once, and no two to one endpoint at a time', async () => {
    const here = await lateWorld()
    const receivers = [here.receiver]
    for (let more = 1; more < 10; more++) receivers.push(await newReceiver(here.token))
    for (let place = 0; place < 4; place++) await here.happen({ place })
    const idsOf = 'select id from webhook_deliveries where organization_id = $1'
    const ids = (await directly().sql.query(idsOf, [here.organizationId])).map(({ id }) => id)
    const { each } = watchWebhooks(receivers)
    await Promise.all(Array.from({ length: 3 }, () => deliverNow(here.isolate.deps(), ids)))
    await deliverNow(here.isolate.deps(), ids) // a run ends if the others hold all lanes that it sees
    expect(each.map(({ all, most }) => [all, most])).toEqual(receivers.map(() => [4, 1]))
  })

  test('begins nothing that could exceed its time limit; that stays due', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 2)
    const seen = watchWebhooks([here.receiver], async () => {
      await vi.waitUntil(() => seen.claims.answered >= 2, { timeout: 20_000 }) // attempts begun in time may finish
      here.isolate.advance(15_500)
    })
    await deliverNow(here.isolate.deps(), ids)
    expect(seen.all).toBe(1)
    const [later] = await here.deliveries()
    expect(later).toMatchObject({ state: 'pending', attempts: 0 })
    expect(Date.parse(later.next_attempt_at)).toBeLessThan(here.isolate.now())
    await deliverNow(here.isolate.deps(), ids)
    expect(await placesOf(here)).toEqual([0, 1])
  })
})
