import { afterEach, expect, test, vi } from 'vitest'
import { replayEvents } from '../../../../src/billing/reconcile/replay.ts'
import { systemDeps } from '../../../../src/db/system-deps.ts'
import { breakStores } from '../../../support/broken-stores.ts'
import { directly } from '../../../support/direct.ts'
import {
  auditOf,
  deliver,
  eventsOf,
  inboxOf,
  newPayer,
  planOf,
  polarEvent,
  reconcileAlone,
} from '../../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

const deps = () => systemDeps(directly())

test('a failed event is processed with the next run, and a processed one again on request', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { organizationId } = await newPayer('polar')
  const event = (await eventsOf('polar', organizationId)).find(({ type }) => type === 'subscription.created')
  if (!event) throw new Error('no event')
  breakStores(['/polar/v1/'])
  expect((await deliver('polar', event)).status).toBe(503)
  vi.restoreAllMocks()
  const results: string[] = []
  const note = ({ event: one, result }: { event: { eventId: string }; result: string }) => {
    if (one.eventId === event.id) results.push(result)
  }
  await replayEvents(deps(), { event: event.id, isOpen: true }, note)
  expect(await planOf(organizationId)).toBe('pro')
  expect(await replayEvents(deps(), { event: event.id, isOpen: true }, note)).toEqual({ done: 0, failed: 0 })
  expect(await replayEvents(deps(), { event: event.id }, note)).toEqual({ done: 1, failed: 0 })
  expect(results).toEqual(['applied', 'unchanged'])
  expect(await inboxOf(event.id)).toMatchObject({ state: 'done', attempts: 3 })
  expect(await auditOf(organizationId)).toHaveLength(2)
})

test('the job leaves a failed event to its provider for half an hour, then processes it itself', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { organizationId, subscriptionId } = await newPayer('polar')
  const event = await polarEvent('subscription.updated', { id: subscriptionId })
  breakStores(['/polar/v1/'])
  await deliver('polar', event)
  vi.restoreAllMocks()
  const age = (minutes: number) =>
    directly().sql.query('update billing_events set received_at = $2 where event_id = $1', [
      event.id,
      new Date(Date.now() - minutes * 60_000).toISOString(),
    ])
  await age(29)
  await reconcileAlone(deps(), organizationId)
  expect(await inboxOf(event.id)).toMatchObject({ state: 'failed', attempts: 1 })
  await age(31)
  await reconcileAlone(deps(), organizationId)
  expect(await inboxOf(event.id)).toMatchObject({ state: 'done', attempts: 2 })
})

test('an event that is being processed is left alone', async () => {
  const event = await polarEvent('benefit.created', { id: 'x' })
  await deliver('polar', event)
  await directly().sql.query(
    `update billing_events set state = 'processing', claimed_until = now() + interval '1 minute' where event_id = $1`,
    [event.id],
  )
  expect(await replayEvents(deps(), { event: event.id })).toEqual({ done: 0, failed: 1 })
  expect((await inboxOf(event.id))?.attempts).toBe(1)
})

test('events of a provider that does not answer are left after three, and those of the other one are processed', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { subscriptionId } = await newPayer('polar')
  const { organizationId } = await newPayer('stripe')
  const [ofStripe] = await eventsOf('stripe', organizationId)
  if (!ofStripe) throw new Error('no event')
  breakStores(['/polar/v1/', '/stripe/v1/'])
  const events = await Promise.all(
    Array.from({ length: 5 }, () => polarEvent('subscription.updated', { id: subscriptionId })),
  )
  for (const event of events) await deliver('polar', event)
  await deliver('stripe', ofStripe)
  vi.restoreAllMocks()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  breakStores(['/polar/v1/'])
  const mine = new Set([ofStripe, ...events].map(({ id }) => id))
  const results: string[] = []
  await replayEvents(deps(), { isOpen: true }, ({ event, result }) => {
    if (mine.has(event.eventId)) results.push(result.replace(/:.*/, ''))
  })
  const left = 'was left, because its provider does not answer'
  expect(results.slice(-3)).toEqual([left, left, 'applied'])
  const attempts = await Promise.all(events.map(async ({ id }) => (await inboxOf(id))?.attempts))
  expect(attempts.slice(-2), 'what was left is not counted as tried').toEqual([1, 1])
})
