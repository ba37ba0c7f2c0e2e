import { describe, expect, test } from 'vitest'
import type { ProviderSubscription } from '../../../../src/billing/providers/provider.ts'
import { type Context, type Decision, decide } from '../../../../src/billing/subscriptions/decide.ts'

const ORGANIZATION = '0193e3a0-0000-7000-8000-000000000001'
const NOW = Date.UTC(2026, 10, 15)
const MOMENT = { at: NOW, graceDays: 7, newId: '0193e3a0-0000-7000-8000-0000000000aa' }
const PLANS = [
  ['starter', 900],
  ['pro', 4_900],
].map(([id, price]) => ({
  id: String(id),
  prices: [
    {
      interval: 'month' as const,
      currency: 'usd',
      amount_cents: Number(price),
      polar_product_id: `product_${id}`,
      stripe_price_id: `price_${id}`,
    },
  ],
  seats: null,
  addons: [],
  replacedAt: null,
}))

const item = (product: string, periodEnd = new Date(Date.UTC(2026, 11, 1))) => ({
  product,
  periodStart: new Date(Date.UTC(2026, 10, 1)),
  periodEnd,
})

const found = (changes: Partial<ProviderSubscription> = {}): ProviderSubscription => ({
  provider: 'stripe',
  id: 'sub_1',
  customerId: 'cus_1',
  organizationId: ORGANIZATION,
  status: 'active',
  items: [item('price_pro')],
  pendingItems: [],
  cancelAtPeriodEnd: false,
  trialEnd: undefined,
  pastDueSince: undefined,
  endedAt: undefined,
  updatedAt: undefined,
  ...changes,
})

const context = (planId = 'free', rows: Context['rows'] = []): Context => ({
  organization: { id: ORGANIZATION, planId, seats: null, limitAdditions: {} },
  rows,
  plans: PLANS,
})

function decided(about: Context, changes: Partial<ProviderSubscription> = {}, at = NOW): Decision {
  const result = decide(about, { found: found(changes) }, { ...MOMENT, at })
  if (typeof result === 'string') throw new Error(result)
  return result
}

/** The state that the next decision finds after this one was written. */
const after = ({ row, planId }: Decision, before: string) =>
  context(planId ?? before, [{ ...row, id: 'first', revision: 1, updatedAt: new Date(NOW) }])

test('each status puts the organization on its plan', () => {
  const pro = after(decided(context()), 'free')
  const planAfter = (changes: Partial<ProviderSubscription>) => decided(pro, changes).planId
  expect(pro.organization?.planId).toBe('pro')
  for (const status of ['active', 'trialing', 'past_due', 'incomplete'] as const)
    expect([status, planAfter({ status })]).toEqual([status, status === 'incomplete' ? 'free' : undefined])
  for (const status of ['paused', 'unpaid'] as const) expect(planAfter({ status })).toBe('free')
  expect(planAfter({ status: 'canceled', endedAt: new Date(NOW) })).toBe('free')
  expect(planAfter({ cancelAtPeriodEnd: true })).toBeUndefined()
  expect(planAfter({ items: [item('price_starter')] })).toBe('starter')
})

test('a plan that an administrator chose stays while nothing is bought, or a first payment is pending', () => {
  expect(decided(context('enterprise'), { status: 'incomplete' })).toMatchObject({
    planId: undefined,
    currentId: undefined,
    row: { isCurrent: false },
  })
  expect(decided(context('enterprise'), { status: 'canceled', endedAt: new Date(NOW - 1) }).planId).toBeUndefined()
})

test('the same news twice changes nothing, and its timestamp at the provider does not count as news', () => {
  const once = after(decided(context()), 'free')
  expect(decided(once, { updatedAt: new Date(NOW) })).toMatchObject({ changed: [], planId: undefined })
  expect(decided(once, { cancelAtPeriodEnd: true }).changed).toEqual(['cancelAtPeriodEnd'])
})

test('if the provider does not say since when payment fails, the first observation counts', () => {
  const failing = after(decided(after(decided(context()), 'free'), { status: 'past_due' }), 'pro')
  const later = decided(failing, { status: 'past_due' }, NOW + 7 * 24 * 3_600_000)
  expect(later).toMatchObject({ planId: 'free', row: { pastDueSince: new Date(NOW) } })
  expect(decided(failing, { status: 'active' }).row.pastDueSince).toBeNull()
})

test('a second paid subscription does not replace the first until that ends', () => {
  const first = after(decided(context()), 'free')
  const second = decided(first, { id: 'sub_2', items: [item('price_starter')] })
  expect(second).toMatchObject({ isSecond: true, planId: undefined, currentId: 'first' })
  const both = {
    ...first,
    rows: [...first.rows, { ...second.row, id: 'second', revision: 1, updatedAt: new Date(NOW) }],
  }
  const ended = decided(both, { status: 'canceled', endedAt: new Date(NOW) })
  expect(ended).toMatchObject({ planId: 'starter', currentId: 'second', row: { isCurrent: false } })
})

test('a purchase of an unknown plan, or for an unknown organization, is reported by name', () => {
  expect(decide(context(), { found: found({ items: [item('price_book')] }) }, MOMENT)).toBe('unknown_product')
  expect(decide({ ...context(), organization: undefined }, { found: found() }, MOMENT)).toBe('unknown_organization')
  const known = after(decided(context()), 'free')
  expect(decided(known, { items: [item('price_book'), item('price_tea')] })).toMatchObject({
    planId: undefined,
    unknownProduct: 'price_book price_tea',
    row: { planId: 'pro' },
  })
  const over = { items: [item('price_book')], status: 'canceled', endedAt: new Date(NOW) } as const
  expect(decided(known, over)).toMatchObject({ planId: 'free', unknownProduct: undefined })
})

test('a plan is recognized by its price in any position, and the period is its own', () => {
  const yearly = item('price_support', new Date(Date.UTC(2027, 10, 1)))
  const bought = decided(context(), { items: [yearly, item('price_metered'), item('price_pro')] })
  expect(bought).toMatchObject({ planId: 'pro', unknownProduct: undefined })
  expect(bought.row.currentPeriodEnd).toEqual(new Date(Date.UTC(2026, 11, 1)))
  expect(decided(context(), { items: [item('price_starter'), item('price_pro')] }).planId).toBe('pro')
  const known = after(decided(context()), 'free')
  const pending = (...pendingProducts: string[]) =>
    decided(known, { pendingItems: pendingProducts.map((product) => ({ product })) }).row.pendingPlanId
  expect(pending('price_starter')).toBe('starter')
  expect(pending('price_support', 'price_starter')).toBe('starter')
  expect(pending('price_support', 'price_pro')).toBeNull()
  expect(pending('price_support')).toBeNull()
})

test('an end set as a date counts as the end of the period if it is not after it', () => {
  const end = Date.UTC(2026, 11, 1)
  expect(decided(context(), { cancelAt: new Date(end) }).row.cancelAtPeriodEnd).toBe(true)
  expect(decided(context(), { cancelAt: new Date(end + 1) }).row.cancelAtPeriodEnd).toBe(false)
})

describe('versions of a plan that one price sells', () => {
  const known = context()
  const [starter, pro] = PLANS as [(typeof PLANS)[number], (typeof PLANS)[number]]
  const pending = { pendingItems: [{ product: 'price_starter' }] }
  const planned = after(decided(after(decided(known), 'free'), pending), 'pro')
  /** The operator lowered the limits of `starter` at the same price. */
  const changed = {
    ...planned,
    plans: [{ ...starter, replacedAt: new Date(NOW) }, { ...starter, id: 'starter@2' }, pro],
  }

  test('what was planned stays with the version that was agreed on, and begins with it', () => {
    expect(decided(changed, pending)).toMatchObject({ changed: [], row: { pendingPlanId: 'starter' } })
    expect(decided(changed, { items: [item('price_starter')] })).toMatchObject({
      planId: 'starter',
      row: { planId: 'starter', pendingPlanId: null },
    })
  })

  test('what is chosen anew is the newest, also if an older one was planned', () => {
    const again = decide(changed, { found: found(pending), chosenPlanId: 'starter@2' }, MOMENT)
    expect(again).toMatchObject({ row: { planId: 'pro', pendingPlanId: 'starter@2' } })
    const first = { ...after(decided(known), 'free'), plans: changed.plans }
    expect(decided(first, pending).row.pendingPlanId).toBe('starter@2')
  })
})

describe('seats that end with the period are given to nobody', () => {
  const team = {
    id: 'team',
    prices: [
      {
        interval: 'month' as const,
        currency: 'usd',
        amount_cents: 100,
        seat_amount_cents: 10,
        stripe_price_id: 'team',
      },
    ],
    seats: { included: 2 },
    addons: [
      {
        id: 'desk',
        name: 'Desk',
        prices: [{ interval: 'month' as const, currency: 'usd', amount_cents: 5, stripe_price_id: 'desk' }],
        limits: { seats: 5, max_api_keys: 1 },
      },
    ],
    replacedAt: null,
  }
  const book = (now: readonly [number, number], next: readonly [number, number]) => {
    const lines = ([seats, desks]: readonly [number, number]) =>
      [
        { ...item('team'), quantity: seats },
        { ...item('desk'), quantity: desks },
      ].filter(({ quantity }) => quantity > 0)
    const about = { ...context(), plans: [...PLANS, team] }
    const { booking } = decided(about, { items: lines(now), pendingItems: lines(next) })
    return [(booking?.seats ?? 0) + (booking?.limitAdditions.seats ?? 0), booking?.limitAdditions.max_api_keys]
  }

  test('whether they are of the plan, of its add-ons or of both', () => {
    expect(book([2, 2], [2, 0])).toEqual([2, 2])
    expect(book([2, 2], [2, 1])).toEqual([7, 2])
    expect(book([6, 0], [3, 0])).toEqual([3, undefined])
    expect(book([6, 1], [9, 0])).toEqual([9, 1])
    expect(book([2, 0], [2, 3])).toEqual([2, undefined])
  })
})
