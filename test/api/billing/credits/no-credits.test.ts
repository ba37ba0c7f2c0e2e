/** What happens when no credits are left, as the plan says: `block` refuses, `allow` goes on. */
import { expect, test, vi } from 'vitest'
import { applyPayment } from '../../../../src/billing/credits/purchase.ts'
import { settleCredits } from '../../../../src/billing/credits/settle.ts'
import { newPricedHolder } from '../../../support/call-prices.ts'
import { at, listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call, eventually, verify } from '../../../support/http.ts'
import { managementDeps } from '../../../support/management.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const OUT = { valid: false, code: 'CREDITS_EXHAUSTED', status: 402, refused_by: 'credits' }
const MAY = Date.UTC(2031, 4, 10)
const JUNE = Date.UTC(2031, 5, 10)

/** A customer of a plan, and another plan that goes on without credits. */
async function world(price: string | null = null, amount?: string, meters: object = {}) {
  const holder = await newPricedHolder(price, amount)
  const { organizationId, admin, token, keyId: key_id, key } = holder
  const goesOn = `on-${crypto.randomUUID().slice(0, 8)}`
  const limits = { rate_limit_per_minute: 1_000_000, max_api_keys: 5, meters }
  const body = { id: goesOn, name: 'Goes on', prices: [], limits, price_per_call_usd: price, at_no_credits: 'allow' }
  expect((await call('POST /api/v1/admin/plans', { token: admin, body })).body).toMatchObject({
    at_no_credits: 'allow',
  })
  const put = (plan: string) =>
    call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token: admin, body: { plan } })
  const reserve = (more: object) => call('POST /api/v1/usage/reserve', { token, body: { key_id, ...more } })
  /** Charges of a month, as recorded. */
  const charge = (cost: string, month: string) =>
    sql.query(
      `insert into usage_periods as u (organization_id, period_start, charge_usd) values ($1, $2, $3)
       on conflict (organization_id, period_start) do update set charge_usd = u.charge_usd + excluded.charge_usd`,
      [organizationId, `${month}-01T00:00:00Z`, cost],
    )
  const settle = (time: number) => settleCredits(at(time), organizationId)
  /** Nothing that was let through is on its way. */
  const recorded = (calls: number) =>
    eventually(
      () =>
        sql.query('select sum(api_calls)::int as calls from usage_periods where organization_id = $1', [
          organizationId,
        ]),
      ([row]) => row?.calls === calls,
    )
  const ask = async () => (await verify(key)).body
  return { ...holder, goesOn, put, reserve, charge, settle, recorded, ask }
}

test('a customer without credits is let through on a plan that goes on, and refused again on one that does not', async () => {
  const { ask, spend, reserve, put, goesOn, plan, credits } = await world(null, '1.00')
  await spend('1.00')
  expect(await ask()).toMatchObject(OUT)
  await put(goesOn)
  expect((await ask()).code).toBe('VALID')
  expect((await reserve({ cost_usd: '5.00' })).body.granted).toBe(true)
  expect((await reserve({ queries: 1 })).body.granted).toBe(true)
  expect(await credits()).toMatchObject({ uses_credits: true, balance: '0.000000', at_no_credits: 'allow' })
  await put(plan)
  expect(await ask()).toMatchObject(OUT)
  expect((await reserve({ cost_usd: '0.01' })).body).toMatchObject({ granted: false, code: 'CREDITS_EXHAUSTED' })
})

test('somebody who leaves a plan that includes credits goes on with what the next plan includes', async () => {
  const { ask, changePlan, spend, put, goesOn, credits } = await world()
  await changePlan({ included_credits_usd: '2.00' })
  expect(await credits()).toMatchObject({ balance: '2.000000', at_no_credits: 'block' })
  await spend('2.50')
  expect(await ask()).toMatchObject(OUT)
  await put('free')
  expect(await ask()).toMatchObject(OUT)
  await put(goesOn)
  expect((await ask()).code).toBe('VALID')
  await spend('3.00')
  expect(await credits(), 'owed by the plan that refuses').toMatchObject({ balance: '0.000000', owed: '0.500000' })
})

test('a plan that goes on still has its quotas, and the customer their cap', async () => {
  const { ask, spend, put, goesOn, token } = await world(null, '1.00', { api_calls: { limit: 2, at_limit: 'block' } })
  await put(goesOn)
  await spend('2.00')
  await call('PUT /api/v1/billing/spend-cap', { token, body: { cost_usd: '2.00', action: 'block' } })
  expect(await ask()).toMatchObject({ code: 'QUOTA_EXCEEDED', refused_by: 'spend_cap' })
  await call('PUT /api/v1/billing/spend-cap', { token, body: { cost_usd: null } })
  expect((await ask()).code).toBe('VALID')
  expect((await ask()).code).toBe('VALID')
  expect(await ask()).toMatchObject({ code: 'QUOTA_EXCEEDED', refused_by: 'api_calls' })
})

test('credits burn first; what is charged beyond them is never owed, and the next ones are whole', async () => {
  const { spend, put, goesOn, grant, credits, organizationId, token } = await world(null, '10.00')
  await put(goesOn)
  await spend('4.00')
  expect(await credits()).toMatchObject({ balance: '6.000000', owed: '0.000000' })
  await spend('8.00')
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
  await spend('3.00') // nobody settles in between
  await grant('5.00')
  expect(await credits()).toMatchObject({ balance: '5.000000', owed: '0.000000' })
  await spend('1.00')
  expect(await credits()).toMatchObject({ balance: '4.000000' })
  expect((await call('GET /api/v1/quotas', { token })).body.credits).toEqual({ balance: '4.000000', held: '0.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'burn -4', 'burn -6', 'grant 5', 'burn -1'])
})

test('what was owed before stays owed, and the next grants pay it once', async () => {
  const { spend, put, goesOn, grant, credits, plan } = await world(null, '1.00')
  await spend('1.70')
  await put(goesOn)
  await spend('3.00')
  expect(await credits()).toMatchObject({ owed: '0.700000' })
  await grant('0.50')
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.200000' })
  await spend('2.00')
  await grant('5.00')
  expect(await credits()).toMatchObject({ balance: '4.800000', owed: '0.000000' })
  await spend('6.00')
  await put(plan)
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
  await spend('0.30')
  expect(await credits()).toMatchObject({ owed: '0.300000' })
})

test('the refunded part of a purchase that is refunded at once does not pay what is owed', async () => {
  const { spend, put, goesOn, credits, organizationId } = await world(null, '1.00')
  await spend('1.70')
  await put(goesOn)
  const payment = { provider: 'stripe', paymentId: crypto.randomUUID(), organizationId, customerId: undefined } as const
  const buy = (refundedCents: number, paymentId = payment.paymentId) => {
    const cents = { creditCents: 500, paidCents: 500, refundedCents }
    return applyPayment(managementDeps(directly()), { ...payment, ...cents, paymentId }, { because: 'A test' })
  }
  await buy(500)
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.700000' })
  await buy(480, crypto.randomUUID())
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.500000' })
})

test('a changed plan holds at once for everybody on it, and what was let through is not owed afterwards', async () => {
  const { ask, spend, changePlan, grant, credits } = await world(null, '1.00')
  await spend('1.00')
  expect(await ask()).toMatchObject(OUT)
  expect((await changePlan({ at_no_credits: 'allow' })).body).toMatchObject({ at_no_credits: 'allow' })
  await vi.waitFor(async () => expect((await ask()).code).toBe('VALID'), { timeout: 5_000, interval: 100 })
  await spend('2.00')
  await changePlan({ at_no_credits: 'block' })
  await vi.waitFor(async () => expect(await ask()).toMatchObject(OUT), { timeout: 5_000, interval: 100 })
  await grant('1.00')
  expect(await credits()).toMatchObject({ balance: '1.000000', owed: '0.000000' })
  expect((await changePlan({ at_no_credits: 'never' })).body.errors?.[0]?.path).toBe('body.at_no_credits')
})

test('after calls beyond the credits, 200 at once against a balance for 100 are exactly 100 with `block`', async () => {
  const { key, reserve, put, goesOn, plan, grant, credits, recorded } = await world('0.01', '0.50')
  await put(goesOn)
  const many = await Promise.all(Array.from({ length: 80 }, () => verify(key)))
  expect(many.filter(({ body }) => body.valid)).toHaveLength(80)
  await recorded(80)
  await grant('1.00')
  await put(plan)
  const ask = () => verify(key)
  const asks = [ask, () => reserve({ api_calls: 1 }), () => verify(key), () => reserve({ cost_usd: '0.01' })]
  const answers = await Promise.all(Array.from({ length: 200 }, (_, turn) => (asks[turn % asks.length] ?? ask)()))
  expect(answers.filter((answer) => answer.body.valid || answer.body.granted)).toHaveLength(100)
  expect(answers.filter((answer) => answer.body.code === 'CREDITS_EXHAUSTED')).toHaveLength(100)
  const verified = answers.filter((answer) => answer.body.valid).length
  await recorded(80 + verified)
  expect(await credits()).toMatchObject({ balance: ((100 - verified) / 100).toFixed(6), owed: '0.000000' })
})

test('with `allow` all of 200 at once pass a balance for 100, and it burns', async () => {
  const { key, put, goesOn, credits, recorded, organizationId } = await world('0.01', '1.00')
  await put(goesOn)
  const answers = await Promise.all(Array.from({ length: 200 }, () => verify(key)))
  expect(answers.filter(({ body }) => body.valid)).toHaveLength(200)
  await recorded(200)
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
  const [row] = await sql.query(
    'select trim_scale(sum(covered_usd))::text as covered from usage_periods where organization_id = $1',
    [organizationId],
  )
  expect(row?.covered).toBe('1')
})

test('a period begins with its whole credits, and pays what is charged in it before they are granted', async () => {
  const { changePlan, settle, charge, organizationId } = await world()
  await changePlan({ included_credits_usd: '10.00', at_no_credits: 'allow' })
  await settle(MAY)
  await charge('13', '2031-05')
  await charge('4', '2031-06') // before any job ran
  await settle(JUNE)
  await settle(JUNE)
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'burn -10', 'grant 10', 'burn -4'])
  const rows = await sql.query(
    `select trim_scale(covered_usd)::text as covered from usage_periods where organization_id = $1 and charge_usd > 0 order by period_start`,
    [organizationId],
  )
  expect(rows.map(({ covered }) => covered)).toEqual(['3', '0'])
})

test('a charge that is corrected lowers what the plan covered before it gives credits back', async () => {
  const { spend, put, goesOn, credits, organizationId } = await world(null, '10.00')
  const token = await administrator()
  await put(goesOn)
  const ids = [crypto.randomUUID(), crypto.randomUUID()]
  await spend('7.00', ids[0])
  await spend('5.00', ids[1])
  expect(await credits()).toMatchObject({ balance: '0.000000' })
  const correct = (event_id: string | undefined, cost_usd: string) =>
    call('POST /api/v1/usage/corrections', {
      token,
      body: { organization_id: organizationId, event_id, cost_usd, reason: 'wrong' },
    })
  expect((await correct(ids[0], '6.00')).body.outcome).toBe('corrected')
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
  expect((await correct(ids[1], '1.00')).body.outcome).toBe('corrected')
  expect(await credits()).toMatchObject({ balance: '3.000000', owed: '0.000000' })
})

test('an organization that never had credits needs none, whatever its plan says', async () => {
  const { ask, put, goesOn, spend, credits } = await world()
  await spend('9.00')
  expect((await ask()).code).toBe('VALID')
  await put(goesOn)
  expect((await ask()).code).toBe('VALID')
  expect(await credits()).toMatchObject({ uses_credits: false, balance: '0.000000', owed: '0.000000' })
})
