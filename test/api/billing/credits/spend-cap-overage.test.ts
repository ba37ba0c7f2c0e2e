import { expect, onTestFinished, test, vi } from 'vitest'
import { notifySpendCaps } from '../../../../src/billing/spend-cap/notify.ts'
import { newPricedHolder } from '../../../support/call-prices.ts'
import { directly } from '../../../support/direct.ts'
import { call, verify } from '../../../support/http.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const OVERAGE = {
  api_calls: {
    tiers: [
      { up_to: 2, unit_price_usd: '0.10' },
      { up_to: null, unit_price_usd: '0.20' },
    ],
  },
  tokens: { tiers: [{ up_to: null, unit_price_usd: '0.001' }] },
}

/** A customer with 3 calls and 1,000 tokens included, whose calls beyond that cost $0.10, $0.10, $0.20, $0.20 … */
async function newCapped(cost_usd: string, { action = 'block', price = null as string | null, meters = {} } = {}) {
  const allow = (limit: number) => ({ limit, at_limit: 'allow' })
  const holder = await newPricedHolder(price, undefined, {
    meters: { api_calls: allow(3), tokens: allow(1_000), ...meters },
  })
  const { token, keyId, key } = holder
  await holder.changePlan({ overage: OVERAGE })
  const cap = (body: object) => call('PUT /api/v1/billing/spend-cap', { token, body })
  expect((await cap({ cost_usd, action })).status).toBe(200)
  const read = async () => (await call('GET /api/v1/billing/spend-cap', { token })).body
  const info = async () => (await call('GET /api/v1/auth/billing/info', { token })).body
  const reserve = async (asked: object) =>
    (await call('POST /api/v1/usage/reserve', { token, body: { key_id: keyId, ...asked } })).body
  const report = (fields: object) =>
    call('POST /api/v1/usage?durability=sync', {
      token,
      body: { events: [{ id: crypto.randomUUID(), key_id: keyId, endpoint: '/x', ...fields }] },
    })
  const codes = async (times: number) => {
    const verdicts = []
    for (let time = 0; time < times; time++) verdicts.push((await verify(key)).body)
    return verdicts.map(({ code, refused_by }) => refused_by ?? code)
  }
  return { ...holder, cap, read, info, reserve, report, codes }
}

const mails = (email: string) =>
  sql.query(`select 1 from mail_outbox where recipient = $1 and subject like '%spend cap%'`, [email])
const five = ['VALID', 'VALID', 'VALID', 'VALID', 'VALID']

test('overage of verified calls counts towards the cap, call by call, and reaches it exactly', async () => {
  const { codes, cap, read, info } = await newCapped('0.40')
  expect(await codes(7)).toEqual([...five, 'VALID', 'spend_cap'])
  await vi.waitFor(async () => expect(await read()).toMatchObject({ used: '0.400000' }), { timeout: 5_000 })
  expect((await info()).spend_cap).toMatchObject({ used: '0.400000' })
  await cap({ cost_usd: '0.59' })
  expect(await codes(1)).toEqual(['spend_cap'])
  await cap({ cost_usd: '0.60' })
  expect(await codes(2)).toEqual(['VALID', 'spend_cap'])
})

test('without usage there is no overage, and no cap is reached', async () => {
  const { read, email } = await newCapped('0.10', { action: 'alert' })
  expect(await read()).toMatchObject({ used: '0.000000' })
  await notifySpendCaps(directly())
  expect(await mails(email)).toHaveLength(0)
})

test('charges and overage count together, and the rest that is left is shown', async () => {
  const { report, codes, read, key } = await newCapped('1.00')
  await report({ cost_usd: '0.50', input_tokens: 1_300, api_calls: 0 })
  expect(await read()).toMatchObject({ used: '0.800000' })
  expect((await verify(key)).body.quotas.cost_usd).toMatchObject({ used: '0.500000', remaining: '0.200000' })
  expect(await codes(4)).toEqual(['VALID', 'VALID', 'VALID', 'VALID'])
  expect(await codes(1)).toEqual(['spend_cap'])
})

test('a price of calls and their overage count together, also where the plan refuses charges later', async () => {
  const { codes } = await newCapped('0.65', { price: '0.10', meters: { cost_usd: { limit: 0.6, at_limit: 'block' } } })
  expect(await codes(5)).toEqual(['VALID', 'VALID', 'VALID', 'VALID', 'spend_cap'])
})

test('a reservation holds the overage of its tokens and calls under the cap', async () => {
  const { reserve } = await newCapped('1.00')
  expect(await reserve({ tokens: 2_001 })).toMatchObject({ granted: false, refused_by: 'spend_cap' })
  expect(await reserve({ tokens: 1_600 })).toMatchObject({ granted: true })
  expect(await reserve({ tokens: 401 })).toMatchObject({
    granted: false,
    refused_by: 'spend_cap',
    exceeded: { meter: 'cost_usd', remaining: '0.400000' },
  })
  expect(await reserve({ cost_usd: '0.41' })).toMatchObject({ granted: false, refused_by: 'spend_cap' })
  expect(await reserve({ tokens: 100, api_calls: 6 })).toMatchObject({ granted: false, refused_by: 'spend_cap' })
  expect(await reserve({ tokens: 100, api_calls: 4 })).toMatchObject({ granted: true })
})

test('of reservations at once only those whose overage fits are granted', async () => {
  const { reserve } = await newCapped('1.00')
  await reserve({ tokens: 1_000 })
  const answers = await Promise.all(Array.from({ length: 20 }, () => reserve({ tokens: 100 })))
  expect(answers.filter(({ granted }) => granted)).toHaveLength(10)
})

test('a busy key does not lease calls beyond the cap', async () => {
  const { key, cap, changePlan, report, read } = await newCapped('20.00')
  await changePlan({ overage: { api_calls: { tiers: [{ up_to: null, unit_price_usd: '0.10' }] } } })
  await report({ api_calls: 100 })
  await cap({ cost_usd: '20.00' })
  let valid = 0
  for (let round = 0; round < 10; round++) {
    const verdicts = await Promise.all(Array.from({ length: 30 }, () => verify(key)))
    valid += verdicts.filter(({ body }) => body.valid).length
  }
  expect(valid).toBeLessThanOrEqual(103)
  expect(valid).toBeGreaterThan(90)
  await vi.waitFor(async () => expect(Number((await read()).used)).toBeGreaterThan(9.7 + 9), { timeout: 5_000 })
})

test('overage that reaches the cap, or leaves too little of it, is told of once', async () => {
  const alerted = await newCapped('0.30', { action: 'alert' })
  await alerted.report({ input_tokens: 1_299, api_calls: 0 })
  await notifySpendCaps(directly())
  expect(await mails(alerted.email)).toHaveLength(0)
  await alerted.report({ input_tokens: 1, api_calls: 0 })
  await notifySpendCaps(directly())
  await notifySpendCaps(directly())
  expect(await mails(alerted.email)).toHaveLength(1)
  const blocked = await newCapped('0.30')
  expect(await blocked.codes(6)).toEqual([...five, 'spend_cap'])
  await vi.waitFor(
    async () => {
      await notifySpendCaps(directly())
      expect(await mails(blocked.email)).toHaveLength(1)
    },
    { timeout: 5_000 },
  )
})

test('prices that nobody can read count for nothing, and stop nobody', async () => {
  const { plan, codes, read, organizationId } = await newCapped('0.10')
  const odd = { api_calls: { tiers: [{ up_to: null, unit_price_usd: 'much' }] }, tokens: 'none', queries: { tiers: 7 } }
  const set = (overage: object) =>
    sql.query('update plans set overage = $2, is_public = false where id = $1', [plan, JSON.stringify(overage)])
  onTestFinished(() => set({}).then(() => undefined)) // other tests read all plans
  await set(odd)
  await sql.query('update organizations set version = version + 1 where id = $1', [organizationId])
  expect(await read()).toMatchObject({ used: '0.000000' })
  expect(await codes(5)).toEqual(five)
})
