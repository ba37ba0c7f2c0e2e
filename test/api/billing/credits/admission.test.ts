import { expect, test, vi } from 'vitest'
import { readQuotas } from '../../../../src/limits/quotas.ts'
import { newCreditHolder } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { call, verify } from '../../../support/http.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const {
  sql,
  redis: { shared: redis },
} = directly()

async function newPrepaid(amount?: string) {
  const holder = await newCreditHolder()
  const { token, keyId, organizationId } = holder
  const granted = amount === undefined ? undefined : (await holder.grant(amount)).body
  const reserve = (cost_usd: string, more: object = {}) =>
    call('POST /api/v1/usage/reserve', { token, body: { key_id: keyId, cost_usd, ...more } })
  const settle = (reservation_id: string, body: object) =>
    call('POST /api/v1/usage/settle', { token, body: { reservation_id, ...body } })
  await sql.query(`update organizations set limit_overrides = '{"rate_limit_per_minute": 100000}' where id = $1`, [
    organizationId,
  ])
  return { ...holder, granted, reserve, settle }
}

const OUT = { valid: false, code: 'CREDITS_EXHAUSTED', status: 402, refused_by: 'credits' }

test('without a grant nothing is refused; with one, calls are admitted until it is used up', async () => {
  const { key, grant, spend } = await newPrepaid()
  await spend('9.00')
  expect((await verify(key)).body.code).toBe('VALID')
  await grant('1.00')
  expect((await verify(key)).body.code).toBe('VALID')
  await spend('0.999999999')
  expect((await verify(key)).body.code).toBe('VALID')
  await spend('0.000000001')
  expect((await verify(key)).body).toMatchObject({ ...OUT, retry_after: null })
  await grant('0.50')
  expect((await verify(key)).body.code).toBe('VALID')
})

test('a reservation holds its estimate until settling charges the actual use, without a gap', async () => {
  const { key, reserve, settle, credits } = await newPrepaid('1.00')
  const { body: held } = await reserve('1.00')
  expect(held).toMatchObject({ granted: true, held: { cost_usd: '1.000000' } })
  expect(await credits()).toMatchObject({ balance: '1.000000', held: '1.000000' })
  expect((await verify(key)).body).toMatchObject(OUT)
  expect((await reserve('0.01')).body).toMatchObject({
    granted: false,
    code: 'CREDITS_EXHAUSTED',
    refused_by: 'credits',
    retry_after: expect.any(Number),
    exceeded: { meter: 'cost_usd', requested: '0.010000', limit: '1.000000', held: '1.000000', remaining: '0.000000' },
  })
  expect((await settle(held.reservation_id, { cost_usd: '0.40' })).body).toMatchObject({
    outcome: 'settled',
    released: true,
  })
  expect(await credits()).toMatchObject({ balance: '0.600000', held: '0.000000' })
  expect((await reserve('0.61')).body.granted).toBe(false)
  expect((await reserve('0.60')).body.granted).toBe(true)
})

test('a hold ends with its reservation, even while the balance is being reloaded from Postgres', async () => {
  const { grant, reserve, settle, credits } = await newPrepaid('10.00')
  const { body: held } = await reserve('6.00')
  await grant('1.00') // the balance restarts with the next figure
  expect((await settle(held.reservation_id, { cancel: true })).status).toBe(200)
  expect(await credits()).toMatchObject({ balance: '11.000000', held: '0.000000' })
  expect((await reserve('11.00')).body.granted).toBe(true)
})

test('a reservation without a cost needs a positive balance', async () => {
  const { token, keyId, spend } = await newPrepaid('1.00')
  const ask = async () =>
    (await call('POST /api/v1/usage/reserve', { token, body: { key_id: keyId, queries: 1 } })).body
  expect((await ask()).granted).toBe(true)
  await spend('1.00')
  expect(await ask()).toMatchObject({ granted: false, code: 'CREDITS_EXHAUSTED' })
})

test('of 200 reservations at once against a balance for 100, exactly 100 are granted', async () => {
  const { reserve, credits, key } = await newPrepaid('1.00')
  const answers = await Promise.all(Array.from({ length: 200 }, () => reserve('0.01')))
  expect(answers.filter(({ body }) => body.granted)).toHaveLength(100)
  expect(answers.filter(({ body }) => body.code === 'CREDITS_EXHAUSTED')).toHaveLength(100)
  expect(await credits()).toMatchObject({ held: '1.000000' })
  expect((await verify(key)).body).toMatchObject(OUT)
})

test('after Redis lost its data, the balance starts with what Postgres has', async () => {
  const { key, spend, organizationId, reserve } = await newPrepaid('1.00')
  await spend('0.70')
  await redis.del(`credits:${organizationId}`)
  expect((await reserve('0.31')).body.granted).toBe(false)
  await redis.del(`credits:${organizationId}`)
  expect((await reserve('0.30')).body.granted).toBe(true)
  expect((await verify(key)).body).toMatchObject(OUT)
})

test('charges that were corrected downward are free again', async () => {
  const { key, spend, credits, organizationId } = await newPrepaid('1.00')
  await spend('1.00')
  expect(await credits()).toMatchObject({ balance: '0.000000' })
  expect((await verify(key)).body).toMatchObject(OUT)
  await sql.query('update usage_periods set charge_usd = charge_usd - 0.5 where organization_id = $1', [organizationId])
  expect(await credits()).toMatchObject({ balance: '0.500000' })
  expect((await verify(key)).body.code).toBe('VALID')
})

test('an expired or revoked grant no longer counts', async () => {
  const { key, grant, act } = await newPrepaid()
  const expires_at = new Date(Date.now() + 6_000).toISOString() // time for the first two calls on a busy machine
  const { body: brief } = await grant('1.00', { expires_at })
  expect((await verify(key)).body.code).toBe('VALID')
  await vi.waitFor(async () => expect((await verify(key)).body).toMatchObject(OUT), { timeout: 20_000, interval: 200 })
  expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(brief.expires_at))
  const { body: other } = await grant('1.00')
  expect((await verify(key)).body.code).toBe('VALID')
  expect((await act(other.id, 'revoke')).status).toBe(200)
  // at once; within two seconds if a busy Redis missed the message
  await vi.waitFor(async () => expect((await verify(key)).body).toMatchObject(OUT), { timeout: 5_000, interval: 200 })
})

test('the quotas, the state and the billing of an organization show the balance and the cap', async () => {
  const { token, reserve, spend, organizationId } = await newPrepaid('1.00')
  await spend('0.25')
  await reserve('0.5')
  const { body: quotas } = await call('GET /api/v1/quotas', { token })
  expect(quotas.credits).toEqual({ balance: '0.750000', held: '0.500000' })
  const deps = directly()
  expect(await readQuotas(deps, organizationId)).toMatchObject({ credits: quotas.credits })
  await redis.del(`credits:${organizationId}`)
  expect((await call('GET /api/v1/quotas', { token })).body.credits).toEqual({ balance: '0.750000', held: '0.000000' })
  const info = async () => (await call('GET /api/v1/auth/billing/info', { token })).body.spend_cap
  expect(await info()).toBeNull()
  await call('PUT /api/v1/billing/spend-cap', { token, body: { cost_usd: '5.00', action: 'alert' } })
  expect(await info()).toEqual({ cost_usd: '5.000000', action: 'alert', used: '0.250000' })
  const other = await newPrepaid()
  expect((await call('GET /api/v1/quotas', { token: other.token })).body).not.toHaveProperty('credits')
})
