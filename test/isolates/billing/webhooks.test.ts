import { afterEach, describe, expect, test, vi } from 'vitest'
import { breakStores } from '../../support/broken-stores.ts'
import { directly, withoutRequestId } from '../../support/direct.ts'
import { newKeyHolder, verify } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'
import {
  act,
  auditOf,
  bodyOf,
  buy,
  deliver,
  eventsOf,
  inboxOf,
  newPayer,
  planOf,
  polarEvent,
  stripeEvent,
  urlOf,
} from '../../support/shop.ts'
import { workerWith } from '../../support/variant.ts'

afterEach(() => vi.restoreAllMocks())

const created = { polar: 'subscription.created', stripe: 'customer.subscription.created' } as const

async function eventNamed(name: 'polar' | 'stripe', organizationId: string, type: string) {
  const event = (await eventsOf(name, organizationId)).findLast((one) => one.type === type)
  if (!event) throw new Error(`${name} has no ${type} of ${organizationId}`)
  return event
}

describe.each(['polar', 'stripe'] as const)('%s', (name) => {
  test('ten concurrent deliveries of one event have one effect, and none is acknowledged before it is done', async () => {
    const { organizationId } = await newPayer(name)
    const event = await eventNamed(name, organizationId, created[name])
    const answers = await Promise.all(Array.from({ length: 10 }, () => deliver(name, event)))
    expect(answers.map(({ status }) => status).filter((status) => status !== 200 && status !== 409)).toEqual([])
    expect(answers.filter(({ body }) => body.received === true && body.duplicate === false)).toHaveLength(1)
    expect(await planOf(organizationId)).toBe('pro')
    expect((await auditOf(organizationId)).map(({ action }) => action).toSorted()).toEqual([
      'billing.plan_changed',
      'billing.subscription_changed',
    ])
    expect(await deliver(name, event)).toEqual({ status: 200, body: { received: true, duplicate: true } })
    expect(await inboxOf(event.id)).toMatchObject({
      state: 'done',
      outcome: 'applied',
      organization_id: organizationId,
    })
  })

  test('all events of a lifetime, delivered in reverse, end in its newest state', async () => {
    const { organizationId, subscriptionId } = await newPayer(name, 'starter')
    await act(name, { act: 'fail_payment', subscription: subscriptionId })
    await act(name, { act: 'mend_card', subscription: subscriptionId })
    await act(name, { act: 'cancel_now', subscription: subscriptionId })
    for (const event of (await eventsOf(name, organizationId)).toReversed())
      expect((await deliver(name, event)).status).toBe(200)
    expect(await planOf(organizationId)).toBe('free')
    const [row] = await directly().sql.query(
      'select status, is_current, ended_at is not null as is_over from subscriptions where provider_subscription_id = $1',
      [subscriptionId],
    )
    expect(row).toEqual({ status: 'canceled', is_current: false, is_over: true })
  })
})

test('a delivery during another one is never acknowledged as done; after 60 s it takes over', async () => {
  const { organizationId } = await newPayer('polar')
  const event = await eventNamed('polar', organizationId, created.polar)
  const { sql } = directly()
  await sql.query(
    `insert into billing_events (id, provider, event_id, type, payload, state, claimed_until, occurred_at)
     values (gen_random_uuid(), 'polar', $1, $2, '{}', 'processing', now() + interval '60 seconds', now())`,
    [event.id, event.type],
  )
  expect(await deliver('polar', event)).toMatchObject({ status: 409, body: { code: 'webhook_in_progress' } })
  expect(await planOf(organizationId)).toBe('free')
  await sql.query(`update billing_events set claimed_until = now() - interval '1 ms' where event_id = $1`, [event.id])
  expect(await deliver('polar', event)).toMatchObject({ status: 200, body: { duplicate: false } })
  expect(await planOf(organizationId)).toBe('pro')
})

test('if the database response is lost after the commit, the delivery fails, and the next has no second effect', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { organizationId } = await newPayer('stripe')
  const event = await eventNamed('stripe', organizationId, created.stripe)
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const response = await real(input, init)
    if (!bodyOf(init).includes('insert into \\"subscriptions\\"')) return response
    await response.text()
    throw new TypeError('connection lost')
  })
  expect((await deliver('stripe', event)).status).toBe(503)
  vi.restoreAllMocks()
  expect(await planOf(organizationId)).toBe('pro')
  expect((await deliver('stripe', event)).status).toBe(200)
  expect(await auditOf(organizationId)).toHaveLength(2)
  expect(await inboxOf(event.id)).toMatchObject({ state: 'done', outcome: 'applied' })
})

test('while the database or the provider is down a delivery gets a 5xx, and the next one is processed', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { organizationId } = await newPayer('polar')
  const event = await eventNamed('polar', organizationId, created.polar)
  breakStores(['/sql'])
  expect((await deliver('polar', event)).status).toBe(503)
  vi.restoreAllMocks()
  expect(await inboxOf(event.id)).toBeUndefined()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  breakStores(['/polar/v1/'])
  expect(await deliver('polar', event)).toMatchObject({ status: 503, body: { code: 'billing_unavailable' } })
  vi.restoreAllMocks()
  expect(await inboxOf(event.id)).toMatchObject({ state: 'failed', attempts: 1 })
  expect((await deliver('polar', event)).status).toBe(200)
  expect(await inboxOf(event.id)).toMatchObject({ state: 'done', attempts: 2, error: null })
  expect(await planOf(organizationId)).toBe('pro')
})

test.each([
  ['has the answer of the provider', (url: string) => /\/stripe\/v1\/subscriptions\//.test(url)],
  ['is about to write', (_: string, body: string) => body.includes('insert into \\"subscriptions\\"')],
])('an older state is never written last: it %s while another handler sees the end', async (_, isMoment) => {
  const { organizationId, subscriptionId } = await newPayer('stripe', 'starter')
  const first = await eventNamed('stripe', organizationId, created.stripe)
  const real = globalThis.fetch
  let isFirst = true
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (!isFirst || !isMoment(urlOf(input), bodyOf(init))) return real(input, init)
    isFirst = false
    const held = urlOf(input).includes('/sql') ? undefined : await real(input, init)
    await act('stripe', { act: 'cancel_now', subscription: subscriptionId })
    const second = await eventNamed('stripe', organizationId, 'customer.subscription.deleted')
    expect((await deliver('stripe', second)).status).toBe(200)
    return held ?? real(input, init)
  })
  expect((await deliver('stripe', first)).status).toBe(200)
  expect(isFirst).toBe(false)
  expect(await planOf(organizationId)).toBe('free')
})

test('the purchased plan applies on another isolate with its next round trip', async () => {
  const { organizationId, key } = await newKeyHolder()
  const isolate = await newIsolate()
  expect((await isolate.verify(key)).plan).toBe('free')
  await buy('polar', organizationId, 'starter')
  for (const event of await eventsOf('polar', organizationId)) expect((await deliver('polar', event)).status).toBe(200)
  isolate.advance(2_000)
  await isolate.verify(key)
  expect(await isolate.verify(key)).toMatchObject({ valid: true, plan: 'starter', ratelimit: { limit: 120 } })
  expect((await verify(key)).body.plan).toBe('starter')
})

describe('events that do not concern us', () => {
  test('types without an effect are stored, without what Postgres cannot hold, and answered with 200', async () => {
    const odd = await polarEvent('benefit.renamed', { id: 'x', note: 'a\0b\uD800', price: 12.5 })
    expect(await deliver('polar', odd)).toEqual({ status: 200, body: { received: true, duplicate: false } })
    expect(await inboxOf(odd.id)).toMatchObject({
      state: 'done',
      outcome: 'stored',
      payload: { type: 'benefit.renamed', data: { id: 'x', note: 'ab\uFFFD', price: 12.5 } },
    })
    const thin = await stripeEvent('v1.billing.meter.error_report_triggered', {})
    expect((await deliver('stripe', thin)).status).toBe(200)
  })

  test('subscriptions to other products, or without an organization, are ignored and answered with 200', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { organizationId } = await newPayer('polar')
    const { sql } = directly()
    const gone = await polarEvent('subscription.updated', { id: crypto.randomUUID() })
    expect((await deliver('polar', gone)).status).toBe(200)
    expect((await inboxOf(gone.id))?.outcome).toBe('not_found')
    await act('polar', { act: 'add_product', id: `book-${organizationId}`, name: 'A book', cents: 900, plan: 'book' })
    const book = await buy('polar', organizationId, `book-${organizationId}`)
    const bought = await polarEvent('subscription.created', { id: book })
    expect((await deliver('polar', bought)).status).toBe(200)
    expect((await inboxOf(bought.id))?.outcome).toBe('unknown_product')
    const nobody = await buy('polar', crypto.randomUUID(), 'pro')
    const stray = await polarEvent('subscription.created', { id: nobody })
    expect((await deliver('polar', stray)).status).toBe(200)
    expect((await inboxOf(stray.id))?.outcome).toBe('unknown_organization')
    expect(await sql.query('select 1 from subscriptions where organization_id = $1', [organizationId])).toEqual([])
  })

  test('an unreadable event of a known type fails, and is kept until it can be read', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const odd = await stripeEvent('customer.subscription.updated', { id: 12 })
    expect((await deliver('stripe', odd)).status).toBe(500)
    expect(await inboxOf(odd.id)).toMatchObject({ state: 'failed' })
  })
})

describe('who may deliver', () => {
  test('every delivery with a wrong signature gets the same response, and nothing of it is stored', async () => {
    const good = await polarEvent('benefit.created', { id: 'x' })
    const old = String(Number(good.headers['webhook-timestamp']) - 301)
    const [unsigned, ...others] = await Promise.all(
      [
        {},
        { ...good.headers, 'webhook-signature': `v1,${'A'.repeat(43)}=` },
        { ...good.headers, 'webhook-timestamp': old },
        { ...good.headers, 'webhook-id': 'another' },
        { ...good.headers, 'webhook-signature': 'nonsense' },
        { Authorization: 'Bearer polar_oat_local' },
      ].map((headers) => deliver('polar', { body: good.body, headers })),
    )
    expect(unsigned).toMatchObject({ status: 403, body: { code: 'unsigned_webhook' } })
    for (const { status, body } of others)
      expect([status, withoutRequestId(body)]).toEqual([403, withoutRequestId(unsigned?.body ?? {})])
    expect(await deliver('stripe', { ...good })).toMatchObject({ status: 403, body: { code: 'unsigned_webhook' } })
    expect(await inboxOf(good.id)).toBeUndefined()
  })

  test('a body larger than 1 MB is refused, and so is a signed one that is not an event', async () => {
    expect((await deliver('polar', { body: 'x'.repeat(1024 * 1024 + 1), headers: {} })).status).toBe(413)
    expect((await deliver('polar', { body: 'x'.repeat(1024 * 1024), headers: {} })).status).toBe(403)
    const { body } = await stripeEvent('', {})
    expect(body).toContain('"type":""')
    expect((await deliver('stripe', await stripeEvent('', {}))).status).toBe(400)
  })

  test('during a rotation both secrets are valid, then only the new one', async () => {
    const event = await polarEvent('benefit.created', { id: 'x' })
    const ask = (secrets: string) =>
      workerWith({ POLAR_WEBHOOK_SECRET: secrets }).call('POST /api/v1/webhooks/polar', event.body, '10.1.1.1', {
        ...event.headers,
      })
    expect((await ask('whsec_a-new-secret-of-ours,polar_whs_local-secret-of-the-stack')).status).toBe(200)
    expect((await ask('whsec_a-new-secret-of-ours')).status).toBe(403)
  })
})
