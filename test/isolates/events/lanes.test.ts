import { afterEach, describe, expect, test, vi } from 'vitest'
import { claimDeliveries } from '../../../src/events/claim.ts'
import { deliverNow } from '../../../src/events/deliver.ts'
import { directly } from '../../support/direct.ts'
import { failWebhooks } from '../../support/faults.ts'
import { eventually } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import { watchWebhooks } from '../../support/watch-webhooks.ts'
import { type WebhookWorld, world } from '../../support/webhook-world.ts'
import { LOCAL, newReceiver } from '../../support/webhooks.ts'

vi.setConfig({ testTimeout: 60_000 })
const LATER_MS = 30 * 24 * 3_600_000
afterEach(() => vi.restoreAllMocks())

/** What happens there is due for nobody else: other tests run the job. */
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

  test('is one after the other and in order, also by runs at once: each arrives once', async () => {
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

  test('is gone on with by whoever has it: an event that finds it busy does not wait for the job', async () => {
    const here = await lateWorld()
    const send = await here.happen({ place: 0 })
    const seen = watchWebhooks([here.receiver], () =>
      vi.waitUntil(() => seen.claims.answered >= 3, { timeout: 20_000 }),
    )
    send() // which asks twice: the lane is busy then
    await vi.waitUntil(() => seen.atOnce === 1, { timeout: 20_000 })
    const sendNext = await here.happen({ place: 1 })
    sendNext() // which asks once
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
    expect(await placesOf(here)).toEqual([1, 0]) // the first was claimed for the longer
  })

  test('is not freed by an attempt that was overtaken', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 1)
    await failWebhooks(here.organizationId, { kind: 'status', value: 500, count: 1 })
    const other = await newIsolate(LOCAL)
    other.advance(LATER_MS + 31_000) // for it the first is dead, and its delivery to be claimed again
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

describe('a run', () => {
  test('has four attempts under way at most, of ten endpoints', async () => {
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

  test('shares forty deliveries with two others at once: each is sent once, and no two to one endpoint at a time', async () => {
    const here = await lateWorld()
    const receivers = [here.receiver]
    for (let more = 1; more < 10; more++) receivers.push(await newReceiver(here.token))
    for (let place = 0; place < 4; place++) await here.happen({ place })
    const idsOf = 'select id from webhook_deliveries where organization_id = $1'
    const ids = (await directly().sql.query(idsOf, [here.organizationId])).map(({ id }) => id)
    const { each } = watchWebhooks(receivers)
    await Promise.all(Array.from({ length: 3 }, () => deliverNow(here.isolate.deps(), ids)))
    await deliverNow(here.isolate.deps(), ids) // a run ends where the others have all lanes that it sees
    expect(each.map(({ all, most }) => [all, most])).toEqual(receivers.map(() => [4, 1]))
  })

  test('begins nothing that could last longer than it may; that stays due', async () => {
    const here = await lateWorld()
    const ids = await happenings(here, 2)
    const seen = watchWebhooks([here.receiver], async () => {
      await vi.waitUntil(() => seen.claims.answered >= 2, { timeout: 20_000 }) // what was asked in time may begin
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
