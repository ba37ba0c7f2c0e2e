import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { act, newCustomer } from '../../../support/payments.ts'
import { planOf, reconcileAlone } from '../../../support/shop.ts'
import { hidePlans, LIMITS, sellPlan } from '../../../support/sold-plans.ts'

const DAY = 86_400_000
const { sql } = directly()

describe.each(['polar', 'stripe'] as const)('credits of a trial at %s', (provider) => {
  let plan = ''
  beforeAll(async () => {
    const fields = { trial_days: 14, included_credits_usd: '20.00', rollover_max_usd: '50.00' }
    plan = await sellPlan(provider, { prices: [{ cents: 2_000 }], ...fields })
  })
  afterAll(() => hidePlans([plan]))

  async function trier() {
    const customer = await newCustomer(provider)
    await customer.buy(plan)
    const { id } = await customer.subscription()
    const balance = async () => (await call('GET /api/v1/credits', { token: customer.token })).body.balance
    const happen = async (what: string) => {
      expect(await act(provider, { act: what, subscription: id })).toBe(204)
      await customer.arrive()
    }
    /** As if the credits were of the usage period before this one. */
    const passPeriod = (createdBefore = '0 days') =>
      sql.query(
        `update credit_grants set expires_at = usage_period_start(null, now()), period_start = usage_period_start(null, usage_period_start(null, now()) - interval '1 day'),
          created_at = created_at - $2::interval where organization_id = $1`,
        [customer.organizationId, createdBefore],
      )
    /** Moves the customer to another plan, which includes so many credits. */
    async function moveTo(included_credits_usd: string) {
      const id = `other-${crypto.randomUUID().slice(0, 8)}`
      const [token, made] = [
        await administrator(),
        { id, name: 'Other', prices: [], limits: LIMITS, included_credits_usd },
      ]
      expect((await call('POST /api/v1/admin/plans', { token, body: made })).status).toBe(201)
      const path = `/api/v1/admin/organizations/${customer.organizationId}/plan`
      expect((await call(`PUT ${path}`, { token, body: { plan: id } })).status).toBe(200)
    }
    expect(await balance()).toBe('20.000000')
    return { ...customer, id, balance, happen, passPeriod, moveTo }
  }

  test('go when it is canceled at once', async () => {
    const { organizationId, balance, happen } = await trier()
    await happen('cancel_now')
    expect([await planOf(organizationId), await balance()]).toEqual(['free', '0.000000'])
  })

  test('go when it ends canceled, and not before', async () => {
    const { organizationId, balance, happen, post } = await trier()
    await post('cancel')
    expect([await planOf(organizationId), await balance()]).toEqual([plan, '20.000000'])
    await happen('advance')
    expect([await planOf(organizationId), await balance()]).toEqual(['free', '0.000000'])
  })

  test('go when it ends canceled, and no event says so', async () => {
    const { organizationId, balance, post } = await trier()
    await post('cancel')
    const later = { ...directly(), now: () => Date.now() + 15 * DAY }
    await sql.query(
      `update credit_grants set period_start = usage_period_start(null, $2::timestamptz), expires_at = $2::timestamptz + interval '31 days' where organization_id = $1`,
      [organizationId, new Date(later.now()).toISOString()],
    )
    await reconcileAlone(later, organizationId)
    expect([await planOf(organizationId), await balance()]).toEqual(['free', '0.000000'])
  })

  test('stay when it is paid for, and when that is canceled later', async () => {
    const { balance, happen } = await trier()
    await happen('advance')
    expect(await balance()).toBe('20.000000')
    await happen('cancel_now')
    expect(await balance()).toBe('20.000000')
  })

  test('go with what rolled over from it', async () => {
    const { balance, happen, passPeriod, moveTo } = await trier()
    await passPeriod()
    expect(await balance()).toBe('40.000000')
    await happen('cancel_now')
    expect(await balance()).toBe('0.000000')
    await moveTo('1.00')
    expect(await balance(), 'on a plan that includes $1').toBe('1.000000')
  })

  test('end, except for the remainder of a grant from before the trial', async () => {
    const { organizationId, balance, happen, passPeriod } = await trier()
    await passPeriod()
    await sql.query(
      `with earlier as (
         insert into credit_grants (id, organization_id, amount, remaining, source, expires_at, period_start, rolled_over, created_at)
         select gen_random_uuid(), organization_id, 1, 1, source, expires_at, period_start, 0, created_at - interval '60 days'
         from credit_grants where organization_id = $1 returning id, organization_id
       ), booked as (
         insert into credit_ledger (id, organization_id, grant_id, kind, amount) select gen_random_uuid(), organization_id, id, 'grant', 1 from earlier
       ) update credit_accounts set granted = granted + 1 where organization_id = $1`,
      [organizationId],
    )
    expect(await balance()).toBe('41.000000')
    await happen('cancel_now')
    expect(await balance()).toBe('1.000000')
  })

  test('leave what rolled over from a period before it', async () => {
    const { balance, happen, passPeriod } = await trier()
    await passPeriod('60 days')
    expect(await balance()).toBe('40.000000')
    await happen('cancel_now')
    expect(await balance()).toBe('20.000000')
  })
})
