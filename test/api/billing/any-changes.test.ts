import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { checkHistories, HISTORIES_TIMEOUT_MS } from '../../support/histories-check.ts'
import { call } from '../../support/http.ts'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'
import { deliver, eventsOf } from '../../support/shop.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

vi.setConfig({ testTimeout: 120_000 }) // many purchases in sequence: seconds on a quiet machine, more on a busy one

const SEATS = { included: 2, max: 6 }
const PLANS = {
  lite: { month: [1_000, 500], year: [9_999, 5_000], tokens: 1_000 },
  full: { month: [3_001, 1_501], year: [30_003, 15_007], tokens: 10_000 },
} as const
/** At Polar a price is the same for every seat. */
const BASE = {
  polar: (seat: number) => seat * SEATS.included,
  stripe: (_seat: number, base: number) => base,
} as const
const ADDON = { month: 333, year: 3_337, tokens: 250 }

type Name = keyof typeof PLANS
type Interval = 'month' | 'year'
interface Bought {
  readonly plan: Name
  readonly interval: Interval
  readonly seats: number
  readonly addons: number
}
type Step =
  | { readonly do: 'change'; readonly to: Partial<Bought> }
  | { readonly do: 'cancel' | 'resume' | 'renew' | 'repeat' | 'shuffle' }

const change = fc.oneof(
  fc.record({ plan: fc.constantFrom<Name>('lite', 'full') }),
  fc.record({ interval: fc.constantFrom<Interval>('month', 'year') }),
  fc.record({ seats: fc.integer({ min: 2, max: 6 }) }),
  fc.record({ addons: fc.integer({ min: 0, max: 3 }) }),
  fc.record({ plan: fc.constantFrom<Name>('lite', 'full'), interval: fc.constantFrom<Interval>('month', 'year') }),
  fc.record({ seats: fc.integer({ min: 2, max: 6 }), addons: fc.integer({ min: 0, max: 3 }) }),
)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: change.map((to) => ({ do: 'change' as const, to })) },
  { weight: 1, arbitrary: fc.constant({ do: 'cancel' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'resume' as const }) },
  { weight: 2, arbitrary: fc.constant({ do: 'renew' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'repeat' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'shuffle' as const }) },
)

const MONTHS = { month: 1, year: 12 }
const halfUp = (cents: number, left: number, whole: number) => {
  const [dividend, divisor] = [BigInt(cents) * BigInt(left), BigInt(whole)]
  return Number((2n * dividend + divisor) / (2n * divisor))
}
const seconds = (time: string) => Math.floor(Date.parse(time) / 1_000)
const isSame = (one: Bought, other: Bought) => JSON.stringify(one) === JSON.stringify(other)

describe.each(['polar', 'stripe'] as const)('any changes at %s', (provider) => {
  const ids = { lite: '', full: '' }

  beforeAll(async () => {
    for (const name of ['lite', 'full'] as const) {
      const { month, year, tokens } = PLANS[name]
      const offer = ([base, seat]: readonly [number, number], interval: Interval) => ({
        interval,
        cents: BASE[provider](seat, base),
        seat,
      })
      ids[name] = await sellPlan(provider, {
        prices: [offer(month, 'month'), offer(year, 'year')],
        seats: SEATS,
        limits: { rate_limit_per_minute: 9, max_api_keys: 9, meters: { tokens: { limit: tokens, at_limit: 'block' } } },
        addons:
          provider === 'polar'
            ? []
            : [
                {
                  id: 'more',
                  limits: { meters: { tokens: ADDON.tokens } },
                  prices: [{ cents: ADDON.month }, { cents: ADDON.year, interval: 'year' as const }],
                },
              ],
      })
    }
  })
  afterAll(() => hidePlans(Object.values(ids)))

  const planCents = ({ plan, interval, seats }: Bought) => {
    const [base, seat] = PLANS[plan][interval]
    return BASE[provider](seat, base) + (seats - SEATS.included) * seat
  }
  const addonCents = ({ interval, addons }: Bought) => ADDON[interval] * addons
  const total = (one: Bought) => planCents(one) + addonCents(one)
  const isDown = (from: Bought, to: Bought) => MONTHS[to.interval] < MONTHS[from.interval] || total(to) < total(from)

  /** What the provider charges for a change at once. */
  function difference(from: Bought, to: Bought, period: { start: number; end: number; at: number }): number {
    const [left, whole] = [period.end - period.at, period.end - period.start]
    const share = (cents: number) => halfUp(cents, left, whole)
    if (from.interval !== to.interval) return total(to) - share(planCents(from)) - share(addonCents(from))
    if (provider === 'polar' && from.plan === to.plan)
      return Math.trunc(((planCents(to) - planCents(from)) * left) / whole)
    const lines = [
      [planCents(from), planCents(to), from.plan === to.plan && from.seats === to.seats],
      [addonCents(from), addonCents(to), from.addons === to.addons],
    ] as const
    return lines.reduce((sum, [old, now, isKept]) => (isKept ? sum : sum + share(now) - share(old)), 0)
  }

  async function begin() {
    const customer = await newCustomer(provider)
    const { body } = await customer.post('checkout', { plan: ids.lite, provider, seats: 3 })
    await pay(body.url)
    await customer.arrive()
    const { id } = await customer.subscription()
    const orders = async () => (await shopState(provider)).orders.filter(({ subscriptionId }) => subscriptionId === id)
    return { ...customer, id, orders }
  }
  type World = Awaited<ReturnType<typeof begin>>

  interface Model {
    now: Bought
    pending: Bought | null
    canceled: boolean
    ended: boolean
    paid: number[]
    last: Partial<Bought>
  }

  const toChoice = ({ plan, addons, ...rest }: Partial<Bought>) => ({
    ...rest,
    ...(plan && { plan: ids[plan] }),
    ...(addons !== undefined && { addons: addons === 0 ? [] : [{ id: 'more', quantity: addons }] }),
  })

  /** What Polar refuses: add-ons, and a second kind of change while one is pending. */
  function findRefusal({ now, pending }: Model, to: Bought, asked: Partial<Bought>) {
    if (provider === 'stripe') return undefined
    if (asked.addons !== undefined && asked.addons > 0) return [400, 'invalid_request']
    const isSeats = (one: Bought) => one.plan === now.plan && one.interval === now.interval
    const isOther = pending !== null && !isSame(to, now) && isSeats(pending) !== isSeats(to)
    return isOther ? [409, 'provider_unsupported'] : undefined
  }

  async function applyChange(world: World, model: Model, asked: Partial<Bought>): Promise<void> {
    const to = { ...model.now, ...asked }
    const before = await world.subscription()
    const { status, body } = await world.post('change', toChoice(asked))
    if (model.ended) return expect([status, body.code]).toEqual([409, 'no_subscription'])
    const refusal = findRefusal(model, to, asked)
    if (refusal) return expect([status, body.code]).toEqual(refusal)
    if (isSame(to, model.pending ?? model.now)) return expect(status).toBe(200)
    if (model.canceled) return expect([status, body.code]).toEqual([409, 'subscription_ending'])
    expect(status, JSON.stringify(body)).toBe(200)
    model.last = asked
    if (isSame(to, model.now)) model.pending = null
    else if (isDown(model.now, to)) model.pending = to
    else {
      const order = (await world.orders()).at(-1)
      const period = {
        start: seconds(before.periodStart),
        end: seconds(before.periodEnd),
        at: seconds(order.createdAt),
      }
      model.paid.push(difference(model.now, to, period))
      Object.assign(model, { now: to, pending: null })
    }
  }

  async function renew(world: World, model: Model): Promise<void> {
    if (model.ended) return
    await act(provider, { act: 'advance', subscription: world.id })
    await world.arrive()
    if (model.canceled) return void Object.assign(model, { ended: true })
    Object.assign(model, { now: model.pending ?? model.now, pending: null })
    model.paid.push(total(model.now))
  }

  async function perform(world: World, model: Model, one: Step): Promise<void> {
    if (one.do === 'change') return applyChange(world, model, one.to)
    if (one.do === 'repeat') return applyChange(world, model, model.last)
    if (one.do === 'renew') return renew(world, model)
    if (one.do === 'shuffle') {
      const events = await eventsOf(provider, world.organizationId)
      for (const event of events.toReversed()) expect((await deliver(provider, event)).status).toBe(200)
      return
    }
    const { status } = await world.post(one.do)
    expect(status).toBe(model.ended ? 409 : 200)
    if (model.ended) return
    if (one.do === 'cancel' && provider === 'stripe') model.pending = null // its schedule is released
    model.canceled = one.do === 'cancel'
  }

  async function requireAsModel(world: World, { now, pending, canceled, ended, paid }: Model): Promise<void> {
    expect((await world.orders()).map(({ cents }) => cents)).toEqual(paid)
    const { plan, subscription } = await world.info()
    const { meters } = (await call('GET /api/v1/quotas', { token: world.token })).body
    if (ended) return expect([plan.id, meters.tokens.limit]).toEqual(['free', 100_000])
    const listed = (count: number) => (count === 0 ? [] : [{ id: 'more', quantity: count }])
    expect(subscription).toMatchObject({
      plan: ids[now.plan],
      interval: now.interval,
      seats: now.seats,
      addons: listed(now.addons),
      cancel_at_period_end: canceled,
      pending: pending && {
        plan: ids[pending.plan],
        interval: pending.interval,
        seats: pending.seats,
        addons: listed(pending.addons),
      },
    })
    expect([plan.id, meters.tokens.limit]).toEqual([ids[now.plan], PLANS[now.plan].tokens + now.addons * ADDON.tokens])
  }

  test(
    'in any order lead to the plan, limits and invoices of the model, to the cent',
    async () => {
      await checkHistories(
        fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 7 }), async (steps) => {
          const world = await begin()
          const now: Bought = { plan: 'lite', interval: 'month', seats: 3, addons: 0 }
          const model: Model = { now, pending: null, canceled: false, ended: false, paid: [total(now)], last: {} }
          for (const one of steps) {
            await perform(world, model, one)
            await requireAsModel(world, model)
          }
        }),
        { runs: 12 },
      )
    },
    HISTORIES_TIMEOUT_MS,
  )
})
