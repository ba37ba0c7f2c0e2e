import { describe, expect, test, vi } from 'vitest'
import { notifySpendCaps } from '../../../../src/billing/spend-cap/notify.ts'
import { newPricedHolder } from '../../../support/call-prices.ts'
import { newCreditHolder } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { call, verify } from '../../../support/http.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()

async function newCapped(cost_usd: unknown, action?: string) {
  const holder = await newCreditHolder()
  const { token, keyId } = holder
  const cap = (body: object) => call('PUT /api/v1/billing/spend-cap', { token, body })
  const read = async () => (await call('GET /api/v1/billing/spend-cap', { token })).body
  const reserve = (cost: string) =>
    call('POST /api/v1/usage/reserve', { token, body: { key_id: keyId, cost_usd: cost } })
  const set = await cap({ cost_usd, ...(action && { action }) })
  return { ...holder, cap, read, reserve, set }
}

test('a cap refuses, by name, what would exceed it and everything once it is reached', async () => {
  const { set, read, reserve, spend, key, cap } = await newCapped('1.00')
  expect(set).toMatchObject({ status: 200, body: { cost_usd: '1.000000', action: 'block', used: '0.000000' } })
  expect((await verify(key)).body.code).toBe('VALID')
  expect((await reserve('1.01')).body).toMatchObject({ granted: false, refused_by: 'spend_cap', never_fits: true })
  await spend('0.60')
  expect((await reserve('0.41')).body).toMatchObject({ granted: false, refused_by: 'spend_cap' })
  expect((await verify(key)).body.code).toBe('VALID')
  await spend('0.40')
  expect((await verify(key)).body).toMatchObject({ code: 'QUOTA_EXCEEDED', status: 429, refused_by: 'spend_cap' })
  expect(await read()).toMatchObject({ used: '1.000000' })
  expect((await cap({ cost_usd: '1.50' })).body).toMatchObject({ cost_usd: '1.500000' })
  expect((await verify(key)).body.code).toBe('VALID')
  expect((await cap({ cost_usd: null })).body).toMatchObject({ cost_usd: null, action: null })
  expect((await reserve('50.00')).body).toMatchObject({ granted: true })
})

test('concurrent reservations fit into the cap to the cent', async () => {
  const { reserve } = await newCapped('1.00')
  const answers = await Promise.all(Array.from({ length: 30 }, () => reserve('0.10')))
  const held = answers.map(({ body }) => (body.granted ? Number(body.held.cost_usd) : 0))
  expect(held.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(1.000001)
  expect(answers.filter(({ body }) => !body.granted).every(({ body }) => body.refused_by === 'spend_cap')).toBe(true)
})

test('a cap that only alerts refuses nothing, and both kinds notify once per period', async () => {
  const { organizationId, spend, key, email, cap } = await newCapped('1.00', 'alert')
  const mails = () =>
    sql.query(`select subject from mail_outbox where recipient = $1 and subject like '%spend cap%'`, [email])
  await spend('0.99')
  await notifySpendCaps(directly())
  expect(await mails()).toHaveLength(0)
  await spend('0.01')
  await Promise.all([notifySpendCaps(directly()), notifySpendCaps(directly())])
  await notifySpendCaps(directly())
  expect((await verify(key)).body.code).toBe('VALID')
  expect(await mails()).toHaveLength(1)
  await cap({ cost_usd: '0.50', action: 'block' })
  await notifySpendCaps(directly())
  expect(await mails()).toHaveLength(2)
  const acts = await sql.query(
    `select detail from audit_logs where organization_id = $1 and action = 'organization.spend_cap_changed' order by id`,
    [organizationId],
  )
  expect(acts.map(({ detail }) => detail)).toEqual([
    { cost_usd: '1.000000', action: 'alert' },
    { cost_usd: '0.500000', action: 'block' },
  ])
})

test('a cap that late use reaches after its period is told of once, with that period', async () => {
  const { organizationId, spend, email } = await newCapped('1.00', 'alert')
  const told = async () => {
    await Promise.all([notifySpendCaps(directly()), notifySpendCaps(directly())])
    return sql.query(`select 1 from mail_outbox where recipient = $1 and subject like '%spend cap%' order by id`, [
      email,
    ])
  }
  const charge = (charge_usd: string) =>
    sql.query(
      `insert into usage_periods (organization_id, period_start, charge_usd)
       select id, usage_period_start(period_anchor, usage_period_start(period_anchor, now()) - interval '1 day'), $2 from organizations where id = $1
       on conflict (organization_id, period_start) do update set charge_usd = excluded.charge_usd`,
      [organizationId, charge_usd],
    )
  await charge('1.00')
  expect(await told()).toHaveLength(0) // the cap was set later
  await sql.query(`update spend_caps set updated_at = now() - interval '70 days' where organization_id = $1`, [
    organizationId,
  ])
  expect(await told()).toHaveLength(1)
  await spend('1.00')
  expect(await told()).toHaveLength(2)
  expect(await told()).toHaveLength(2)
})

test('a used-up cap refuses reservations that cost nothing', async () => {
  const { spend, keyId, token } = await newCapped('1.00')
  await spend('1.00')
  for (const asked of [{ slots: 1 }, { tokens: 5 }, { tokens: 5, cost_usd: '0' }]) {
    const { body } = await call('POST /api/v1/usage/reserve', { token, body: { key_id: keyId, ...asked } })
    expect(body).toMatchObject({ granted: false, refused_by: 'spend_cap', exceeded: { remaining: '0.000000' } })
  }
})

describe('a cap whose rest is too little for a request', () => {
  const tell = async (email: string) => {
    await notifySpendCaps(directly())
    return (await sql.query(`select 1 from mail_outbox where recipient = $1 and subject like '%spend cap%'`, [email]))
      .length
  }

  test('is reported once per period, though charges never reach it', async () => {
    const { reserve, spend, email, cap } = await newCapped('1.00')
    await spend('0.90')
    expect(await tell(email)).toBe(0)
    await reserve('0.20')
    await reserve('0.30')
    await vi.waitFor(async () => expect(await tell(email)).toBe(1), { timeout: 5_000 })
    await reserve('0.20')
    expect(await tell(email)).toBe(1)
    await cap({ cost_usd: '2.00' })
    expect(await tell(email)).toBe(1)
  })

  test('is reported after a priced verification as well', async () => {
    const { key, email, token } = await newPricedHolder('0.40')
    await call('PUT /api/v1/billing/spend-cap', { token, body: { cost_usd: '1.00' } })
    const codes = [await verify(key), await verify(key), await verify(key)].map(({ body }) => body.code)
    expect(codes).toEqual(['VALID', 'VALID', 'QUOTA_EXCEEDED'])
    await vi.waitFor(async () => expect(await tell(email)).toBe(1), { timeout: 5_000 })
  })

  test('is not reported if only open reservations leave no room, or if the request exceeds the whole cap', async () => {
    const { reserve, email, organizationId } = await newCapped('1.00')
    expect((await reserve('0.90')).body.granted).toBe(true)
    expect((await reserve('0.50')).body.refused_by).toBe('spend_cap')
    expect((await reserve('1.50')).body.refused_by).toBe('spend_cap')
    expect(
      await sql.query(`select refused_period from spend_caps where organization_id = $1`, [organizationId]),
    ).toEqual([{ refused_period: null }])
    expect(await tell(email)).toBe(0)
  })
})

test('wrong input is refused by name', async () => {
  const { cap } = await newCapped('1.00')
  for (const [field, body] of [
    ['cost_usd', { cost_usd: '0' }],
    ['cost_usd', { cost_usd: 'much' }],
    ['cost_usd', {}],
    ['action', { cost_usd: '1.00', action: 'shrug' }],
  ] as const)
    expect((await cap(body)).body.errors?.[0]?.path).toBe(`body.${field}`)
})
