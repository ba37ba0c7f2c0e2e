import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { administrator, call } from '../../support/http.ts'
import { act, newCustomer, pay, shopState } from '../../support/payments.ts'
import { hidePlans, sellPlan } from '../../support/sold-plans.ts'

const seconds = (time: string) => Math.floor(Date.parse(time) / 1_000)
const address = () => `seat-${crypto.randomUUID()}@example.com`

describe.each(['polar', 'stripe'] as const)('seats at %s', (provider) => {
  let [team, other, single] = ['', '', '']

  beforeAll(async () => {
    const seats = { included: 2, max: 5 }
    const yearly = { cents: 10_000, seat: 5_000, interval: 'year' as const }
    team = await sellPlan(provider, { prices: [{ cents: 1_000, seat: 500 }, yearly], seats })
    other = await sellPlan(provider, { prices: [{ cents: 1_600, seat: 800 }], seats })
    single = await sellPlan(provider, { prices: [{ cents: 9_000 }] })
  })
  afterAll(() => hidePlans([team, other, single]))

  const teamOf = async (seats?: number) => {
    const customer = await newCustomer(provider)
    const { body, status } = await customer.post('checkout', { plan: team, provider, ...(seats && { seats }) })
    expect(status, JSON.stringify(body)).toBe(201)
    await pay(body.url)
    await customer.arrive()
    const { id } = await customer.subscription()
    const orders = async () => (await shopState(provider)).orders.filter(({ subscriptionId }) => subscriptionId === id)
    const invite = (email = address()) =>
      call(`POST /api/v1/organizations/${customer.organizationId}/invitations`, {
        token: customer.token,
        body: { email, role: 'member' },
      })
    return { ...customer, id, orders, invite }
  }

  test('the included seats are bought by default; more cost their price, and too few or too many are refused', async () => {
    const { info, orders } = await teamOf()
    expect((await info()).subscription.seats).toBe(2)
    expect((await orders()).map(({ cents }) => cents)).toEqual([1_000])
    const larger = await teamOf(5)
    expect((await larger.orders()).map(({ cents }) => cents)).toEqual([2_500])
    expect(await larger.info()).toMatchObject({ subscription: { seats: 5 }, next_charge: { amount_cents: 2_500 } })
    for (const seats of [1, 6]) {
      const refused = await larger.post('change', { seats })
      expect([refused.status, refused.body.errors?.[0]?.path]).toEqual([400, 'body.seats'])
    }
  })

  test('added seats start immediately and cost the rest of the period; removed ones end with the period', async () => {
    const { post, info, orders, subscription, arrive, id } = await teamOf()
    const { periodStart, periodEnd } = await subscription()
    expect((await post('preview', { seats: 4 })).body).toMatchObject({ when: 'now', then_cents: 2_000 })
    expect((await post('change', { seats: 4 })).body).toMatchObject({ seats: 4, pending: null })
    expect((await post('change', { seats: 4 })).body.seats).toBe(4)
    const [, raise, ...more] = await orders()
    expect(more).toEqual([])
    const [start, end, at] = [periodStart, periodEnd, raise.createdAt].map(seconds) as [number, number, number]
    const part = (cents: number) => Math.floor((2 * cents * (end - at) + (end - start)) / (2 * (end - start)))
    const expected = provider === 'polar' ? Math.floor((1_000 * (end - at)) / (end - start)) : part(2_000) - part(1_000)
    expect(raise.cents).toBe(expected)
    expect((await post('change', { seats: 3 })).body).toMatchObject({
      seats: 4,
      pending_plan: null,
      pending: { seats: 3 },
    })
    expect((await post('change', { seats: 4 })).body.pending).toBeNull()
    await post('change', { seats: 3 })
    await act(provider, { act: 'advance', subscription: id })
    await arrive()
    expect(await info()).toMatchObject({
      subscription: { seats: 3, pending: null },
      next_charge: { amount_cents: 1_500 },
    })
    expect((await orders()).at(-1)?.cents).toBe(1_500)
  })

  test('members and open invitations occupy seats; nobody is invited beyond them, even concurrently', async () => {
    const { post, invite, organizationId } = await teamOf(3)
    const email = address()
    expect((await invite(email)).status).toBe(201)
    expect((await invite(email)).status).toBe(201) // again, in the place of the first
    const answers = await Promise.all(Array.from({ length: 5 }, () => invite()))
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const { status, body } of answers.filter((one) => one.status !== 201))
      expect([status, body.code]).toEqual([409, 'seat_limit_reached'])
    const member = { email: address(), role: 'member', organization_id: organizationId }
    const added = await call('POST /api/v1/admin/users', { token: await administrator(), body: member })
    expect(added).toMatchObject({ status: 409, body: { code: 'seat_limit_reached' } })
    await post('change', { seats: 4 })
    expect((await invite()).status).toBe(201)
    expect((await invite()).status).toBe(409)
  })

  test('a plan with fewer seats than members cannot be bought, and seats that will be removed are not assigned', async () => {
    const { post, organizationId, invite } = await teamOf(4)
    const token = await administrator()
    for (let count = 0; count < 2; count++) {
      const body = { email: address(), role: 'member', organization_id: organizationId }
      expect((await call('POST /api/v1/admin/users', { token, body })).status).toBe(201)
    }
    const refused = await post('change', { seats: 2 })
    expect(refused).toMatchObject({ status: 409, body: { code: 'seats_in_use' } })
    expect((await post('change', { seats: 3 })).body.pending).toMatchObject({ seats: 3 })
    expect((await invite()).status).toBe(409)
    expect((await post('change', { seats: 4 })).body.pending).toBeNull()
    expect((await invite()).status).toBe(201)
  })

  test('a new interval or plan keeps the seats', async () => {
    const { post, orders } = await teamOf(3)
    expect((await post('change', { interval: 'year' })).body).toMatchObject({ interval: 'year', seats: 3 })
    expect((await orders()).at(-1)?.cents).toBeGreaterThan(15_000 - 1_501)
    const moved = await teamOf(3)
    expect((await moved.post('change', { plan: other })).body).toMatchObject({ plan: other, seats: 3 })
  })

  test('changing both at once, or to a plan without seats, works at Stripe and is refused by name at Polar', async () => {
    for (const choice of [{ plan: other, seats: 4 }, { plan: single }]) {
      const { post, subscription } = await teamOf(3)
      const { status, body } = await post('change', choice)
      if (provider === 'polar') {
        expect([status, body.code]).toEqual([409, 'provider_unsupported'])
        expect(body.detail).toContain('Polar')
      } else {
        expect(body).toMatchObject({ plan: choice.plan, seats: choice.seats ?? null, pending: null })
        expect((await subscription()).quantity ?? 1).toBe(choice.seats ?? 1)
      }
    }
  })
})
