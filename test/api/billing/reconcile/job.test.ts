import { afterEach, describe, expect, test, vi } from 'vitest'
import { providerNamed } from '../../../../src/billing/providers/configured.ts'
import { findAllDrift } from '../../../../src/billing/reconcile/drift.ts'
import { reconcileBilling } from '../../../../src/billing/reconcile/job.ts'
import { applySubscription } from '../../../../src/billing/subscriptions/sync.ts'
import { systemDeps } from '../../../../src/db/system-deps.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import {
  act,
  auditOf,
  buy,
  deliver,
  newPayer,
  planOf,
  polarEvent,
  productOf,
  reconcileAlone,
  stripeEvent,
  urlOf,
} from '../../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

const DAY = 24 * 3_600_000

/** The deps of a deployment with a fast clock and other variables. */
function deps(aheadMs = 0, config: Record<string, unknown> = {}) {
  const plain = directly()
  return systemDeps({ ...plain, now: () => Date.now() + aheadMs, config: { ...plain.config, ...config } })
}

async function driftOf(organizationId: string) {
  const { drifts } = await findAllDrift(deps())
  return drifts.filter((one) => one.organizationId === organizationId)
}

function apply(name: 'polar' | 'stripe', subscriptionId: string, of = deps()) {
  const provider = providerNamed(of.config, name)
  if (!provider) throw new Error(`${name} is not configured`)
  return applySubscription(of, provider, { subscriptionId, because: 'test' })
}

describe.each(['polar', 'stripe'] as const)('%s', (name) => {
  test('a subscription without a webhook is found as drift, reported and repaired', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { organizationId, subscriptionId } = await newPayer(name)
    expect(await driftOf(organizationId)).toMatchObject([{ kind: 'missing_here', subscriptionId, isRepairable: true }])
    expect(await planOf(organizationId)).toBe('free')
    expect(await reconcileAlone(deps(), organizationId)).toMatchObject({ providers: 2, compared: 1, repaired: 1 })
    expect(await reconcileAlone(deps(), organizationId)).toMatchObject({ compared: 1, repaired: 0 })
    expect(await planOf(organizationId)).toBe('pro')
    expect(await driftOf(organizationId)).toEqual([])
    await act(name, { act: 'cancel_now', subscription: subscriptionId })
    expect(await driftOf(organizationId)).toMatchObject([
      {
        kind: 'differs',
        fields: expect.arrayContaining(['status', 'endedAt', 'isCurrent']),
        here: { status: 'active', plan: 'pro' },
      },
    ])
    await reconcileAlone(deps(), organizationId)
    expect(await planOf(organizationId)).toBe('free')
    expect((await auditOf(organizationId)).map(({ detail }) => detail.because)).toEqual(
      Array.from({ length: 4 }, () => 'reconcile-billing'),
    )
  })

  test('the plan stays for the grace days after a payment failed, ends with them, and returns with the payment', async () => {
    const { organizationId, subscriptionId } = await newPayer(name)
    await apply(name, subscriptionId)
    await act(name, { act: 'fail_payment', subscription: subscriptionId })
    await apply(name, subscriptionId)
    expect(await planOf(organizationId)).toBe('pro')
    await apply(name, subscriptionId, deps(7 * DAY - 60_000))
    expect(await planOf(organizationId)).toBe('pro')
    await apply(name, subscriptionId, deps(7 * DAY + 60_000))
    expect(await planOf(organizationId)).toBe('free')
    await act(name, { act: 'mend_card', subscription: subscriptionId })
    await apply(name, subscriptionId)
    expect(await planOf(organizationId)).toBe('pro')
  })
})

test('a canceled subscription keeps its plan to the end of the period, and loses it even without a webhook', async () => {
  const { organizationId, subscriptionId } = await newPayer('polar')
  await providerNamed(deps().config, 'polar')?.cancelAtPeriodEnd(subscriptionId)
  await apply('polar', subscriptionId)
  expect(await planOf(organizationId)).toBe('pro')
  await apply('polar', subscriptionId, deps(32 * DAY))
  expect(await planOf(organizationId)).toBe('free')
})

test("an administrator's choice stays while there is no subscription, and after one has ended", async () => {
  const { organizationId, subscriptionId } = await newPayer('polar', 'starter')
  const choose = async (plan: string) =>
    call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token: await administrator(), body: { plan } })
  await apply('polar', subscriptionId)
  await act('polar', { act: 'cancel_now', subscription: subscriptionId })
  await apply('polar', subscriptionId)
  await choose('enterprise')
  await apply('polar', subscriptionId)
  expect(await planOf(organizationId)).toBe('enterprise')
  const again = await buy('polar', organizationId, 'starter')
  await apply('polar', again)
  expect(await planOf(organizationId)).toBe('starter')
  await choose('enterprise')
  expect(await driftOf(organizationId)).toMatchObject([{ kind: 'plan', subscriptionId: again }])
})

test('with two subscriptions, the first decides; the second is reported and takes over when the first ends', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { organizationId, subscriptionId } = await newPayer('polar')
  const second = await buy('stripe', organizationId, 'starter')
  await apply('polar', subscriptionId)
  await apply('stripe', second)
  expect(await planOf(organizationId)).toBe('pro')
  expect(await driftOf(organizationId)).toMatchObject([{ kind: 'second', subscriptionId: second, isRepairable: false }])
  await act('polar', { act: 'cancel_now', subscription: subscriptionId })
  await apply('polar', subscriptionId)
  expect(await planOf(organizationId)).toBe('starter')
  expect(await driftOf(organizationId)).toEqual([])
})

describe.each(['polar', 'stripe'] as const)('made by hand at %s', (name) => {
  test("a move to an unknown product is reported, and the plan stays until a plan has that product's id", async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { organizationId, subscriptionId } = await newPayer(name)
    await apply(name, subscriptionId)
    const product = `unknown_${crypto.randomUUID()}`
    await act(name, { act: 'add_product', id: product, name: 'Lite', cents: 100, plan: 'lite' })
    await act(name, { act: 'move', subscription: subscriptionId, product })
    expect(await apply(name, subscriptionId)).toMatchObject({ what: 'unknown_product' })
    expect(await driftOf(organizationId)).toMatchObject([
      { kind: 'unknown_product', subscriptionId, here: { plan: 'pro' }, there: { product }, isRepairable: false },
    ])
    expect(await planOf(organizationId)).toBe('pro')
    await reconcileAlone(deps(), organizationId)
    expect(await driftOf(organizationId)).toHaveLength(1)
    const plan = `lite-${crypto.randomUUID().slice(0, 8)}`
    const limits = { rate_limit_per_minute: 1, max_api_keys: 1, meters: {} }
    const column = name === 'polar' ? 'polar_product_id' : 'stripe_price_id'
    const body = {
      id: plan,
      name: 'Lite',
      limits,
      prices: [{ interval: 'month', currency: 'usd', amount_cents: 100, [column]: product }],
    }
    expect((await call('POST /api/v1/admin/plans', { token: await administrator(), body })).status).toBe(201)
    await apply(name, subscriptionId)
    expect(await planOf(organizationId)).toBe(plan)
    expect(await driftOf(organizationId)).toEqual([])
  })

  test('a subscription without metadata belongs to its customer’s organization, if there is only one', async () => {
    const { organizationId, subscriptionId } = await newPayer(name)
    await apply(name, subscriptionId)
    await act(name, { act: 'cancel_now', subscription: subscriptionId })
    await apply(name, subscriptionId)
    expect(await planOf(organizationId)).toBe('free')
    const [row] = await directly().sql.query(
      'select provider_customer_id as id from subscriptions where provider_subscription_id = $1',
      [subscriptionId],
    )
    await act(name, { act: 'subscribe', customer: row?.id, product: productOf(name, 'builder') })
    const drifts = await driftOf(organizationId)
    expect(drifts).toMatchObject([{ kind: 'missing_here', isRepairable: true }])
    await apply(name, drifts[0]?.subscriptionId ?? '')
    expect(await planOf(organizationId)).toBe('builder')
  })
})

describe('refunds', () => {
  test('a full refund of the period ends the plan, a partial one does not, and the next period restores it', async () => {
    const { organizationId, subscriptionId } = await newPayer('polar')
    await apply('polar', subscriptionId)
    const order = (status: string, billing_reason: string) => ({
      id: crypto.randomUUID(),
      subscription_id: subscriptionId,
      created_at: new Date().toISOString(),
      status,
      billing_reason,
    })
    const refund = async (status: string, reason = 'subscription_create') =>
      expect((await deliver('polar', await polarEvent('order.refunded', order(status, reason)))).status).toBe(200)
    await refund('partially_refunded')
    await refund('refunded', 'subscription_update')
    expect(await planOf(organizationId)).toBe('pro')
    await refund('refunded')
    expect(await planOf(organizationId)).toBe('free')
    await apply('polar', subscriptionId)
    expect(await planOf(organizationId)).toBe('free')
    await directly().sql.query(
      `update subscriptions set refunded_charge_at = refunded_charge_at - interval '1 month', refunded_charges = '{}', revision = revision + 1
       where provider_subscription_id = $1`,
      [subscriptionId],
    )
    await apply('polar', subscriptionId)
    expect(await planOf(organizationId)).toBe('pro')
  })

  test('Stripe names only the payment, so its purpose is looked up', async () => {
    const { organizationId, subscriptionId } = await newPayer('stripe')
    await apply('stripe', subscriptionId)
    const invoice = (billing_reason: string) => ({
      data: [{ invoice: { billing_reason, parent: { subscription_details: { subscription: subscriptionId } } } }],
    })
    const real = globalThis.fetch
    const refund = async (reason: string, refunded = true) => {
      vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) =>
        urlOf(input).includes('/invoice_payments') ? Response.json(invoice(reason)) : real(input, init),
      )
      const charge = { id: 'ch_1', refunded, payment_intent: 'pi_1', created: Math.floor(Date.now() / 1000) }
      const { status } = await deliver('stripe', await stripeEvent('charge.refunded', charge))
      vi.restoreAllMocks()
      expect(status).toBe(200)
      return planOf(organizationId)
    }
    expect(await refund('subscription_cycle', false)).toBe('pro')
    expect(await refund('manual')).toBe('pro')
    expect(await refund('subscription_cycle')).toBe('free')
  })
})

test('a subscription ends with its customer, though the provider no longer finds it', async () => {
  const { organizationId, subscriptionId } = await newPayer('stripe')
  await apply('stripe', subscriptionId)
  const [row] = await directly().sql.query(
    'select provider_customer_id as id from subscriptions where provider_subscription_id = $1',
    [subscriptionId],
  )
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) =>
    urlOf(input).includes(`/subscriptions/${subscriptionId}`) ? Response.json({}, { status: 404 }) : real(input, init),
  )
  const update = await stripeEvent('customer.subscription.updated', { id: subscriptionId })
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  expect((await deliver('stripe', update)).status).toBe(200)
  expect(await planOf(organizationId)).toBe('pro') // a token of another account finds nothing either
  expect((await deliver('stripe', await stripeEvent('customer.deleted', { id: row?.id }))).status).toBe(200)
  expect(await planOf(organizationId)).toBe('free')
})

test('usage periods begin with the subscription only where it is configured so', async () => {
  const anchorOf = async (id: string) =>
    (await directly().sql.query('select period_anchor, version from organizations where id = $1', [id]))[0]
  const { organizationId, subscriptionId } = await newPayer('polar')
  await apply('polar', subscriptionId, deps(0, { USAGE_PERIODS: 'subscription' }))
  const [row] = await directly().sql.query(
    'select current_period_start from subscriptions where provider_subscription_id = $1',
    [subscriptionId],
  )
  expect(await anchorOf(organizationId)).toEqual({ period_anchor: row?.current_period_start, version: 2 })
  await act('polar', { act: 'advance', subscription: subscriptionId })
  await apply('polar', subscriptionId, deps(0, { USAGE_PERIODS: 'subscription' }))
  expect(await anchorOf(organizationId)).toEqual({ period_anchor: row?.current_period_start, version: 2 })
  const other = await newPayer('polar')
  await apply('polar', other.subscriptionId)
  expect((await anchorOf(other.organizationId))?.period_anchor).toBeNull()
})

test('only administrators see the report, which lists the drift; without a provider there is nothing to compare', async () => {
  const { organizationId, token, subscriptionId } = await newPayer('stripe', 'builder')
  expect((await call('GET /api/v1/admin/billing/drift', { token })).status).toBe(404)
  const { status, body } = await call('GET /api/v1/admin/billing/drift', { token: await administrator() })
  expect(status).toBe(200)
  expect(body.data).toContainEqual({
    provider: 'stripe',
    kind: 'missing_here',
    subscription_id: subscriptionId,
    organization_id: organizationId,
    fields: [],
    here: null,
    there: { status: 'active', product: productOf('stripe', 'builder') },
    is_repairable: true,
  })
  const none = deps(0, { POLAR_ACCESS_TOKEN: undefined, STRIPE_SECRET_KEY: undefined })
  expect(await reconcileBilling(none)).toEqual({ providers: 0 })
})
