import { afterAll, describe, expect, test } from 'vitest'
import { administrator, call, newUser } from '../../support/http.ts'
import { act, newCustomer, shopState } from '../../support/payments.ts'
import { hidePlans, sell, sellPlan } from '../../support/sold-plans.ts'

const token = await administrator()
const made: string[] = []
afterAll(() => hidePlans(made))

const limitsOf = (tokens: number) => ({ meters: { tokens: { limit: tokens, at_limit: 'block' } } })
const change = (id: string, body: object) => call(`PATCH /api/v1/admin/plans/${id}`, { token, body })
const move = (id: string, body: object = {}) => call(`POST /api/v1/admin/plans/${id}/move`, { token, body })

describe.each(['polar', 'stripe'] as const)('versions of a plan at %s', (provider) => {
  const newPlan = async () => {
    const limits = { rate_limit_per_minute: 100, max_api_keys: 10, ...limitsOf(1_000) }
    const id = await sellPlan(provider, { prices: [{ cents: 1_000 }], limits })
    made.push(id)
    return id
  }
  const subscriber = async (plan: string) => {
    const customer = await newCustomer(provider)
    await customer.buy(plan)
    const state = async () => {
      const { plan: now, subscription } = await customer.info()
      const quotas = (await call('GET /api/v1/quotas', { token: customer.token })).body
      return [now.id, now.version, subscription?.plan_version, quotas.plan, quotas.meters.tokens.limit]
    }
    const paid = async () => {
      const { id } = await customer.subscription()
      return (await shopState(provider)).orders
        .filter(({ subscriptionId }) => subscriptionId === id)
        .map(({ cents }) => cents)
    }
    return { ...customer, state, paid }
  }

  test('paying subscribers stay on a version; new limits create a new one, which is sold from then on', async () => {
    const id = await newPlan()
    const early = await subscriber(id)
    expect((await change(id, { limits: limitsOf(500) })).body).toMatchObject({ id, version: 2, organization_count: 0 })
    const late = await subscriber(id)
    expect(await early.state()).toEqual([id, 1, 1, id, 1_000])
    expect(await late.state()).toEqual([id, 2, 2, id, 500])
    const { body } = await call(`GET /api/v1/admin/plans/${id}/versions`, { token })
    const seen = body.data.map((one: any) => [one.version, one.replaced_at === null, one.organization_count])
    expect(seen).toEqual([
      [2, true, 1],
      [1, false, 1],
    ])
    const catalog = (await call('GET /api/v1/billing/plans')).body.data
    expect(catalog.filter((one: any) => one.id === id)).toMatchObject([{ meters: { tokens: { limit: 500 } } }])
  })

  test('without paying subscribers, a change applies to everybody on the plan', async () => {
    const id = await newPlan()
    const { token: own, user } = await newUser()
    await call(`PUT /api/v1/admin/organizations/${user.organization_id}/plan`, { token, body: { plan: id } })
    expect((await change(id, { limits: limitsOf(7) })).body).toMatchObject({ version: 1, organization_count: 1 })
    expect((await call('GET /api/v1/quotas', { token: own })).body.meters.tokens.limit).toBe(7)
  })

  test('an additional price, a name and the trial change nothing for subscribers, and create no version', async () => {
    const id = await newPlan()
    const { post } = await subscriber(id)
    const [present] = (await call(`GET /api/v1/admin/plans/${id}`, { token })).body.prices
    const yearly = await sell(provider, id, { cents: 10_000, interval: 'year' })
    for (const body of [
      { prices: [present, yearly] },
      { name: 'Other' },
      { trial_days: 3 },
      { limits: limitsOf(1_000) },
      { limits: { meters: { queries: { limit: null, at_limit: 'block' }, concepts: null } } },
    ])
      expect((await change(id, body)).body.version).toBe(1)
    expect((await post('change', { interval: 'year' })).body).toMatchObject({ interval: 'year', plan_version: 1 })
    expect((await change(id, { prices: [present] })).body.version).toBe(2)
    const { post: buyMore } = await subscriber(id)
    expect((await buyMore('change', {})).body.plan_version).toBe(2)
    for (const [body, version] of [
      [{ included_credits_usd: '5' }, 3],
      [{ included_credits_usd: '5.00' }, 3],
    ] as const) {
      expect((await change(id, body)).body.version).toBe(version)
      await subscriber(id)
    }
    expect((await change(id, { markup_percent: 20 })).body.version).toBe(4)
  })

  test('a move to new limits at the same price is immediate and costs nothing; a repeat changes nothing', async () => {
    const id = await newPlan()
    const { state, paid } = await subscriber(id)
    const given = await newUser()
    await call(`PUT /api/v1/admin/organizations/${given.user.organization_id}/plan`, { token, body: { plan: id } })
    await change(id, { limits: limitsOf(2_000) })
    expect((await move(id)).body).toEqual({ moved: 2, scheduled: 0, failed: [], next_cursor: null })
    expect(await state()).toEqual([id, 2, 2, id, 2_000])
    expect((await call('GET /api/v1/quotas', { token: given.token })).body.meters.tokens.limit).toBe(2_000)
    expect(await paid()).toEqual([1_000])
    expect((await move(id)).body).toEqual({ moved: 0, scheduled: 0, failed: [], next_cursor: null })
  })

  test('a move to another price takes effect with the next period, or immediately if requested', async () => {
    const id = await newPlan()
    const [waiting, hasty] = [await subscriber(id), await subscriber(id)]
    const price = await sell(provider, id, { cents: 1_500 })
    expect((await change(id, { prices: [price], limits: limitsOf(3_000) })).body.version).toBe(2)
    const of = ({ organizationId }: { organizationId: string }) => ({ organization_id: organizationId })
    expect((await move(id, of(waiting))).body).toMatchObject({ moved: 0, scheduled: 1, failed: [] })
    expect(await waiting.state()).toEqual([id, 1, 1, id, 1_000])
    expect((await waiting.info()).subscription).toMatchObject({ pending_plan: id })
    await act(provider, { act: 'advance', subscription: (await waiting.subscription()).id })
    await waiting.arrive()
    expect(await waiting.state()).toEqual([id, 2, 2, id, 3_000])
    expect(await waiting.paid()).toEqual([1_000, 1_500])
    expect((await move(id, { ...of(hasty), when: 'now' })).body).toMatchObject({ moved: 1, failed: [] })
    expect(await hasty.state()).toEqual([id, 2, 2, id, 3_000])
    const [, raise] = await hasty.paid()
    expect(raise).toBeGreaterThan(495)
    expect(raise).toBeLessThanOrEqual(500)
  })

  test('subscriptions that cannot be moved stay where they are and are named', async () => {
    const id = await newPlan()
    const { organizationId, state } = await subscriber(id)
    const price = await sell(provider, id, { cents: 9_000, interval: 'year' })
    await change(id, { prices: [price] })
    const { body } = await move(id)
    expect(body).toMatchObject({ moved: 0, failed: [{ organization_id: organizationId, code: 'invalid_request' }] })
    expect(await state()).toEqual([id, 1, 1, id, 1_000])
    expect((await call(`DELETE /api/v1/admin/plans/${id}`, { token })).body.code).toBe('plan_in_use')
  })
})

test('a move proceeds in batches', async () => {
  const id = await sellPlan('stripe', { prices: [{ cents: 1_000 }] })
  made.push(id)
  for (let count = 0; count < 3; count++) await (await newCustomer('stripe')).buy(id)
  await change(id, { features: { beta: true } })
  const first = (await move(id, { limit: 2 })).body
  expect(first).toMatchObject({ moved: 2, next_cursor: expect.any(String) })
  expect((await move(id, { limit: 2, cursor: first.next_cursor })).body).toMatchObject({ moved: 1, next_cursor: null })
})

test('only the newest version of a plan can be assigned manually, and unknown plans have none', async () => {
  expect((await move('nothing-like-it')).body.code).toBe('plan_not_found')
  expect((await call('GET /api/v1/admin/plans/nothing-like-it/versions', { token })).body.code).toBe('plan_not_found')
  const { user } = await newUser()
  const put = await call(`PUT /api/v1/admin/organizations/${user.organization_id}/plan`, {
    token,
    body: { plan: 'pro@2' },
  })
  expect(put.status).toBe(400)
})
