import { expect, test, vi } from 'vitest'
import { notifySpendCaps } from '../../../../src/billing/spend-cap/notify.ts'
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

test('a cap refuses what would go beyond it, by name, and what has reached it', async () => {
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

test('reservations at once fit into the cap to the cent', async () => {
  const { reserve } = await newCapped('1.00')
  const answers = await Promise.all(Array.from({ length: 30 }, () => reserve('0.10')))
  const held = answers.map(({ body }) => (body.granted ? Number(body.held.cost_usd) : 0))
  expect(held.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(1.000001)
  expect(answers.filter(({ body }) => !body.granted).every(({ body }) => body.refused_by === 'spend_cap')).toBe(true)
})

test('a cap that only alerts refuses nothing, and both kinds tell once per period', async () => {
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
