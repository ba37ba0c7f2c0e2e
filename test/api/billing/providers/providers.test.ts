import { afterEach, describe, expect, test, vi } from 'vitest'
import { configuredProviders } from '../../../../src/billing/providers/configured.ts'
import { openPolar } from '../../../../src/billing/providers/polar.ts'
import { openStripe } from '../../../../src/billing/providers/stripe.ts'
import { encodeForm } from '../../../../src/billing/providers/stripe-shapes.ts'
import { directly } from '../../../support/direct.ts'
import { newAmount as amount, answering, codeOf, json, NOTHING } from '../../../support/provider-answers.ts'

const { config } = directly()
const polar = openPolar(config)
const stripe = openStripe(config)

afterEach(() => vi.restoreAllMocks())

const POLAR_SUBSCRIPTION = {
  id: 'sub_1',
  created_at: '2026-11-01T00:00:00Z',
  modified_at: null,
  status: 'active',
  current_period_start: '2026-11-01T00:00:00Z',
  current_period_end: '2026-12-01T00:00:00Z',
  cancel_at_period_end: false,
  ended_at: null,
  customer_id: 'cus_1',
  product_id: 'product_1',
  metadata: {},
  customer: { external_id: '0193E3A0-0000-7000-8000-000000000001' },
  pending_update: null,
  something_new: { of: 'tomorrow' },
}

const STRIPE_SUBSCRIPTION = {
  id: 'sub_1',
  status: 'active',
  customer: { id: 'cus_1', object: 'customer' },
  created: 1_793_491_200,
  cancel_at_period_end: false,
  cancel_at: null,
  ended_at: null,
  metadata: { org_id: 'nobody' },
  items: {
    data: [
      { id: 'si_m', price: { id: 'price_metered', recurring: { usage_type: 'metered' } } },
      {
        id: 'si_1',
        quantity: 1,
        current_period_start: 1_793_491_200,
        current_period_end: 1_796_083_200,
        price: { id: 'price_1', recurring: { usage_type: 'licensed' } },
      },
    ],
  },
  schedule: null,
}

test('versions are pinned, credentials are sent, and redirects are not followed', async () => {
  const asked = answering(json(POLAR_SUBSCRIPTION), json(STRIPE_SUBSCRIPTION))
  await polar.getSubscription('sub/1')
  await stripe.getSubscription('sub_1')
  expect(asked.map(({ line }) => line)).toEqual([
    'GET /polar/v1/subscriptions/sub%2F1',
    'GET /stripe/v1/subscriptions/sub_1?expand[0]=schedule&expand[1]=customer',
  ])
  expect(asked[0]?.headers.get('Polar-Version')).toBe('2026-04')
  expect(asked[1]?.headers.get('Stripe-Version')).toBe('2026-10-28.endive')
  expect(asked[1]?.headers.get('Authorization')).toBe(`Bearer ${config.STRIPE_SECRET_KEY}`)
})

test('every failure has its own code, and a malformed provider response is never trusted', async () => {
  const failures = [
    [json({}, 404), 'fine'],
    [json({ error: 'PaymentFailed', detail: 'declined' }, 402), 'payment_failed'],
    [json({ error: 'SubscriptionLocked', detail: 'locked' }, 409), 'subscription_locked'],
    [json({ detail: [{ loc: ['body'], msg: 'is wrong', type: 'x' }] }, 422), 'billing_refused'],
    [json({}, 401), 'billing_unavailable'],
    [json({}, 429), 'billing_unavailable'],
    [json({}, 503), 'billing_unavailable'],
    [new Response(null, { status: 302, headers: { Location: 'https://elsewhere.example' } }), 'billing_unavailable'],
    [new TypeError('connection lost'), 'billing_unavailable'],
    [new Response('<html>'), 'billing_unavailable'],
    [json({ ...POLAR_SUBSCRIPTION, status: 'suspended' }), 'billing_unavailable'],
  ] as const
  answering(...failures.map(([answer]) => answer))
  for (const [, code] of failures) expect(await codeOf(polar.getSubscription('sub_1'))).toBe(code)
})

test('a subscription is read from the fields in use; its organization is accepted only as a UUID', async () => {
  answering(json(POLAR_SUBSCRIPTION), json(STRIPE_SUBSCRIPTION))
  const common = {
    id: 'sub_1',
    customerId: 'cus_1',
    status: 'active',
  }
  const period = { periodStart: new Date('2026-11-01T00:00:00Z'), periodEnd: new Date('2026-12-01T00:00:00Z') }
  expect(await polar.getSubscription('sub_1')).toMatchObject({
    ...common,
    items: [{ product: 'product_1', ...period }],
    organizationId: '0193e3a0-0000-7000-8000-000000000001',
    updatedAt: new Date('2026-11-01T00:00:00Z'),
  })
  expect(await stripe.getSubscription('sub_1')).toMatchObject({
    ...common,
    items: [{ product: 'price_metered' }, { product: 'price_1', ...period }],
    organizationId: undefined,
    updatedAt: undefined,
  })
})

test('an unreadable row of a page is reported by its id, and the others are read', async () => {
  const odd = { ...POLAR_SUBSCRIPTION, id: 'odd', status: 'suspended' }
  answering(json({ items: [odd, POLAR_SUBSCRIPTION, 7], pagination: { max_page: 1 } }))
  expect(await polar.listSubscriptions()).toMatchObject({ subscriptions: [{ id: 'sub_1' }], unreadable: ['odd', '?'] })
  answering(json({ data: [STRIPE_SUBSCRIPTION, { ...STRIPE_SUBSCRIPTION, id: 'odd', items: {} }], has_more: true }))
  expect(await stripe.listSubscriptions()).toMatchObject({
    subscriptions: [{ id: 'sub_1' }],
    unreadable: ['odd'],
    next: 'odd',
  })
})

describe('Polar', () => {
  test("checkout metadata override the customer's external id: one person may pay for two organizations", async () => {
    const org_id = '0193e3a0-0000-7000-8000-000000000002'
    answering(json({ ...POLAR_SUBSCRIPTION, metadata: { org_id } }))
    expect((await polar.getSubscription('sub_1'))?.organizationId).toBe(org_id)
  })

  test('a plan changes immediately with an invoice, or with the next period', async () => {
    const asked = answering(json(POLAR_SUBSCRIPTION), json(POLAR_SUBSCRIPTION))
    for (const when of ['now', 'period_end'] as const)
      await polar.changePlan({ subscriptionId: 'sub_1', plan: { product: 'p' }, when, idempotencyKey: 'k' })
    expect(asked.map(({ body }) => JSON.parse(body).proration_behavior)).toEqual(['invoice', 'next_period'])
  })

  test('amounts that Polar refuses are removed from the batch, and the rest is sent again', async () => {
    const flaw = { loc: ['body', 'events', 1, 'timestamp'], msg: 'is in the future', type: 'value_error' }
    const asked = answering(json({ detail: [flaw] }, 422), json({ inserted: 1, duplicates: 0 }))
    expect(await polar.sendUsage([amount('a'), amount('b'), amount('c')])).toEqual({
      ...NOTHING,
      taken: ['a', 'c'],
      refused: [{ idempotencyKey: 'b', reason: 'is in the future' }],
    })
    expect(JSON.parse(asked[1]?.body ?? '').events).toEqual([
      {
        name: 'api_calls',
        customer_id: 'cus_1',
        external_id: 'a',
        timestamp: '2026-11-15T00:00:00.000Z',
        metadata: { value: 7 },
      },
      expect.objectContaining({ external_id: 'c' }),
    ])
    answering(json({ detail: 'no' }, 422))
    expect(await codeOf(polar.sendUsage([amount('a')]))).toBe('billing_refused')
  })
})

describe('Stripe', () => {
  test('bodies are forms with bracketed names', () => {
    const form = encodeForm({
      items: [{ price: 'a b' }, { price: 'c' }],
      metadata: { org_id: 'x' },
      flag: true,
      gone: undefined,
    })
    expect(decodeURIComponent(form)).toBe('items[0][price]=a+b&items[1][price]=c&metadata[org_id]=x&flag=true')
  })

  test("a checkout sets the organization in the subscription's metadata, and metered prices without a quantity", async () => {
    const asked = answering(json({ id: 'cs_1', url: 'https://checkout.example/1' }))
    await stripe.createCheckout({
      organizationId: 'org',
      plan: { product: 'price_1' },
      meteredProducts: ['price_m'],
      email: 'a@example.com',
      successUrl: 'https://tollgate.test/done?x=1',
      cancelUrl: 'https://tollgate.test/',
      idempotencyKey: 'once',
    })
    const form = new URLSearchParams(asked[0]?.body)
    expect(Object.fromEntries(form)).toMatchObject({
      'subscription_data[metadata][org_id]': 'org',
      'line_items[0][quantity]': '1',
      'line_items[1][price]': 'price_m',
      success_url: 'https://tollgate.test/done?x=1&checkout_id={CHECKOUT_SESSION_ID}',
      customer_email: 'a@example.com',
    })
    expect(form.has('line_items[1][quantity]')).toBe(false)
    expect(asked[0]?.headers.get('Idempotency-Key')).toBe('once')
  })

  test('a change for the next period is a schedule of two phases; an immediate one releases an earlier schedule', async () => {
    const items = [{ price: 'price_1' }, { price: 'price_metered' }]
    const schedule = { id: 'sub_sched_1', phases: [{ start_date: 1_793_491_200, items }] }
    const planned = {
      ...STRIPE_SUBSCRIPTION,
      schedule: {
        ...schedule,
        phases: [...schedule.phases, { start_date: 1_796_083_200, items: [{ price: 'price_2' }] }],
      },
    }
    const asked = answering(json(STRIPE_SUBSCRIPTION), json(schedule), json(schedule), json(planned))
    const change = { subscriptionId: 'sub_1', plan: { product: 'price_2' }, idempotencyKey: 'k' }
    const later = await stripe.changePlan({ ...change, when: 'period_end' })
    expect(later).toMatchObject({ pendingItems: [{ product: 'price_2' }] })
    expect(Object.fromEntries(new URLSearchParams(asked[2]?.body))).toMatchObject({
      end_behavior: 'release',
      'phases[0][end_date]': '1796083200',
      'phases[1][start_date]': '1796083200',
      'phases[1][items][0][price]': 'price_2',
      'phases[1][items][1][price]': 'price_metered',
    })
    vi.restoreAllMocks()
    const next = answering(json(planned), json({}), json({}), json(STRIPE_SUBSCRIPTION))
    await stripe.changePlan({ ...change, when: 'now' })
    expect(next[1]?.line).toBe('POST /stripe/v1/subscription_schedules/sub_sched_1/release')
    expect(Object.fromEntries(new URLSearchParams(next[2]?.body))).toMatchObject({
      'items[0][id]': 'si_1',
      payment_behavior: 'error_if_incomplete',
    })
  })

  test('collection paused as `void` is a pause; the portal sets an end as a date', async () => {
    answering(
      json({ ...STRIPE_SUBSCRIPTION, pause_collection: { behavior: 'void' } }),
      json({ ...STRIPE_SUBSCRIPTION, pause_collection: { behavior: 'keep_as_draft' }, cancel_at: 1_796_083_200 }),
    )
    expect(await stripe.getSubscription('sub_1')).toMatchObject({ status: 'paused', cancelAt: undefined })
    const cancelAt = new Date(1_796_083_200_000)
    expect(await stripe.getSubscription('sub_1')).toMatchObject({ status: 'active', cancelAt })
  })

  test("the organization is also read from the customer's metadata, for subscriptions made in the dashboard", async () => {
    const org_id = '0193e3a0-0000-7000-8000-000000000002'
    answering(json({ ...STRIPE_SUBSCRIPTION, customer: { id: 'cus_1', metadata: { org_id } } }))
    expect((await stripe.getSubscription('sub_1'))?.organizationId).toBe(org_id)
  })
})

test('either provider, both or none may be configured', () => {
  const names = (changes: object) => configuredProviders({ ...config, ...changes }).map(({ name }) => name)
  expect(names({})).toEqual(['polar', 'stripe'])
  expect(names({ POLAR_ACCESS_TOKEN: undefined })).toEqual(['stripe'])
  expect(names({ POLAR_ACCESS_TOKEN: undefined, STRIPE_SECRET_KEY: undefined })).toEqual([])
})
