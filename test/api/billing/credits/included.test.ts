import { expect, inject, test } from 'vitest'
import { settleCredits } from '../../../../src/billing/credits/settle.ts'
import { reloadAllowance } from '../../../../src/limits/allowance.ts'
import { at, listLedger, newCreditHolder } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'

const { sql } = directly()
const service = inject('credentials').service_key
const MAY = Date.UTC(2031, 4, 10)
const JUNE = Date.UTC(2031, 5, 10)

/** A plan that includes credits, and an organization on it whose clock can be moved. */
async function newSubscriber(fields: Record<string, unknown>) {
  const holder = await newCreditHolder()
  const { organizationId } = holder
  const token = await administrator()
  const id = `p${crypto.randomUUID().slice(0, 8)}`
  const limits = { rate_limit_per_minute: 1_000, max_api_keys: 5, meters: {} }
  const made = await call('POST /api/v1/admin/plans', {
    token,
    body: { id, name: 'With credits', prices: [], limits, ...fields },
  })
  expect(made.status).toBe(201)
  const put = (plan: string) =>
    call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token, body: { plan } })
  const change = (body: object) => call(`PATCH /api/v1/admin/plans/${id}`, { token, body })
  await put(id)
  const settle = (time: number) => settleCredits(at(time), organizationId)
  const charge = (cost: string, month: string) =>
    sql.query(
      `insert into usage_periods as u (organization_id, period_start, charge_usd) values ($1, $2, $3)
       on conflict (organization_id, period_start) do update set charge_usd = u.charge_usd + excluded.charge_usd`,
      [organizationId, `${month}-01T00:00:00Z`, cost],
    )
  const grants = () =>
    sql.query(
      `select trim_scale(amount)::text as amount, trim_scale(remaining)::text as remaining, trim_scale(rolled_over)::text as rolled_over,
         to_char(expires_at at time zone 'UTC', 'YYYY-MM-DD') as expires from credit_grants
       where organization_id = $1 order by created_at, id`,
      [organizationId],
    )
  return { ...holder, plan: made.body, put, change, settle, charge, grants }
}

test("a plan's credits are granted once per period until its end, however often and concurrently they are read", async () => {
  const { settle, grants, plan, organizationId } = await newSubscriber({ included_credits_usd: '10.00' })
  expect(plan).toMatchObject({ included_credits_usd: '10.000000', rollover_max_usd: null })
  await Promise.all(Array.from({ length: 8 }, () => settle(MAY)))
  await settle(MAY + 1)
  expect(await grants()).toEqual([{ amount: '10', remaining: '10', rolled_over: '0', expires: '2031-06-01' }])
  await settle(JUNE)
  expect(await grants()).toEqual([
    { amount: '10', remaining: '0', rolled_over: '0', expires: '2031-06-01' },
    { amount: '10', remaining: '10', rolled_over: '0', expires: '2031-07-01' },
  ])
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'expire -10', 'grant 10'])
})

test.each([
  ['4.00', '14', '4'],
  ['3.50', '13.5', '3.5'],
  ['7.00', '14', '4'],
])('up to %s of the rest rolls over: the next period begins with %s', async (most, amount, rolled_over) => {
  const { settle, charge, grants } = await newSubscriber({ included_credits_usd: 10, rollover_max_usd: most })
  await settle(MAY)
  await charge('6.00', '2031-05')
  await settle(JUNE)
  expect((await grants()).at(-1)).toMatchObject({ amount, remaining: amount, rolled_over })
})

test("rolled-over credits count toward the maximum again, and only the last period's rest is kept", async () => {
  const { settle, grants } = await newSubscriber({ included_credits_usd: 10, rollover_max_usd: 15 })
  await settle(MAY)
  await settle(JUNE)
  await settle(Date.UTC(2031, 6, 10))
  await settle(Date.UTC(2031, 9, 10))
  expect((await grants()).map(({ amount }) => amount)).toEqual(['10', '20', '25', '10'])
})

test('a plan that includes more grants the difference at once, and one that includes less takes nothing back', async () => {
  const { settle, grants, change, put } = await newSubscriber({ included_credits_usd: 10 })
  await settle(MAY)
  expect((await change({ included_credits_usd: '12.50' })).body).toMatchObject({ included_credits_usd: '12.500000' })
  await settle(MAY + 1_000)
  await change({ included_credits_usd: 5 })
  await settle(MAY + 2_000)
  expect((await grants()).map(({ amount }) => amount)).toEqual(['10', '2.5'])
  await put('free')
  await settle(JUNE)
  expect((await grants()).map(({ remaining }) => remaining)).toEqual(['0', '0'])
})

test.each([
  ['-4.00', '6'],
  ['3.00', '13'],
])(
  'a correction of %s of included credits stays, and a larger plan adds only the difference between the plans',
  async (amount, corrected) => {
    const { settle, grants, change, act, credits, organizationId } = await newSubscriber({ included_credits_usd: 10 })
    await settle(Date.now())
    const { id } = (await credits()).grants[0]
    expect((await act(id, 'correct', { amount })).status).toBe(200)
    expect((await reloadAllowance(directly(), organizationId)).use.credits?.limit).toBe(
      Number(corrected) * 1_000_000_000,
    )
    await settle(Date.now())
    expect((await grants()).map(({ amount: whole }) => whole)).toEqual([corrected])
    await change({ included_credits_usd: 15 })
    await settle(Date.now())
    expect((await grants()).map(({ amount: whole }) => whole)).toEqual([corrected, '5'])
  },
)

test('included credits burn before those that never expire', async () => {
  const { settle, charge, grant, organizationId } = await newSubscriber({ included_credits_usd: 10 })
  await grant('5.00')
  await settle(Date.now())
  await charge('12.00', new Date().toISOString().slice(0, 7))
  await settle(Date.now())
  const { length } = await listLedger(organizationId)
  expect((await listLedger(organizationId)).slice(length - 2).toSorted()).toEqual(['burn -10', 'burn -2'])
})

test('wrong amounts in a plan are refused by name', async () => {
  const { change } = await newSubscriber({})
  for (const field of ['included_credits_usd', 'rollover_max_usd'])
    for (const value of ['-1', 'x', '0.0000000001'])
      expect((await change({ [field]: value })).body.errors?.[0]?.path, `${field} ${value}`).toBe(`body.${field}`)
})

test('charges between the plan change and the first grant burn from it, and earlier charges do not', async () => {
  const { settle, charge, put, plan, organizationId, credits } = await newSubscriber({ included_credits_usd: 10 })
  await put('pro')
  await charge('100', '2031-05') // invoiced
  await put(plan.id)
  await charge('4', '2031-05') // before any job ran
  await sql.query('update organizations set plan_id = plan_id where id = $1', [organizationId])
  expect((await reloadAllowance({ ...directly(), now: () => MAY }, organizationId)).use.credits).toMatchObject({
    limit: 10_000_000_000,
    used: 4_000_000_000,
  })
  await settle(MAY)
  await settle(MAY)
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'burn -4'])
  expect(await credits()).toMatchObject({ balance: expect.stringMatching(/^(6|16)\./) }) // the current month's as well
})

test('an organization that left such a plan before its first grant has no credits', async () => {
  const { put, charge, organizationId, grant } = await newSubscriber({ included_credits_usd: 10 })
  await put('pro')
  await charge('3', '2031-05')
  const read = async () => (await reloadAllowance({ ...directly(), now: () => MAY }, organizationId)).use.credits
  expect(await read()).toBeUndefined()
  await grant('5')
  expect(await read()).toMatchObject({ limit: 5_000_000_000, used: 0 })
})

test('credits added to a plan later start for everybody who is on it', async () => {
  const { change, charge, settle, organizationId } = await newSubscriber({})
  await charge('7', '2031-05')
  await change({ included_credits_usd: 10 })
  await charge('2', '2031-05')
  await settle(MAY)
  await settle(MAY)
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'burn -2'])
})

test('a correction of a charge from before the credits began adds no credits', async () => {
  const { organizationId, grant, spend, credits } = await newCreditHolder()
  await spend('40', 'early')
  await grant('10')
  await spend('3', 'late')
  await settleCredits(directly(), organizationId)
  expect(await credits()).toMatchObject({ balance: '7.000000' })
  const correct = (event_id: string) =>
    call('POST /api/v1/usage/corrections', {
      token: service,
      body: { event_id, organization_id: organizationId, reason: 'wrong', void: true },
    })
  expect((await correct('early')).body).toMatchObject({ outcome: 'corrected' })
  await settleCredits(directly(), organizationId)
  expect(await credits()).toMatchObject({ balance: '7.000000' })
  expect((await correct('late')).body).toMatchObject({ outcome: 'corrected' })
  await settleCredits(directly(), organizationId)
  expect(await credits()).toMatchObject({ balance: '10.000000' })
})
