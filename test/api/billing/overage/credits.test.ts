/** Credits pay call charges made after the first grant, and an invoice those made before it. */
import { expect, test } from 'vitest'
import { chargedWorld } from '../../../support/charged-overage.ts'
import { administrator, call } from '../../../support/http.ts'
import { LIMITS } from '../../../support/sold-plans.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

test.each(['polar', 'stripe'] as const)('at %s nothing is paid twice', async (provider) => {
  const { buy, info, spend, run, settle, invoiced, grant, credits, report } = await chargedWorld(provider)
  await buy()
  await spend('3.00')
  await grant('10.00')
  expect(await invoiced(), 'what was charged before').toBe(2_000_000)
  await spend('4.00')
  await run()
  await settle()
  expect(await invoiced()).toBe(2_000_000)
  expect((await info()).overage).toMatchObject({ total_usd: '2.000000' })
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  expect(await report()).toMatchObject({ overage_units: 2_000_000, difference_units: 0 })
})

test.each(['polar', 'stripe'] as const)(
  'at %s a plan that goes on without credits charges what they did not pay as overage',
  async (provider) => {
    const { buy, changePlan, info, spend, run, settle, invoiced, grant, credits, put, report } =
      await chargedWorld(provider)
    expect((await changePlan({ at_no_credits: 'allow' })).status).toBe(200)
    await buy()
    await spend('3.00')
    await grant('10.00') // 2.00 are invoiced
    await spend('10.50')
    await settle()
    await run()
    expect(await invoiced()).toBe(2_500_000)
    await spend('0.25')
    await grant('1.00')
    await spend('0.75')
    expect(await credits()).toMatchObject({ balance: '0.250000', owed: '0.000000' })
    await run()
    expect(await invoiced(), 'not what the new grant paid').toBe(2_750_000)
    expect((await info()).overage).toMatchObject({ total_usd: '2.750000' })
    expect(await report()).toMatchObject({ overage_units: 2_750_000, recorded_units: 2_750_000, difference_units: 0 })
    await spend('1.00')
    await put('pro')
    await run()
    expect(await invoiced(), 'what was charged before the plan was left').toBe(3_500_000)
  },
)

test.each(['block', 'allow'])(
  'an account without credits is still charged overage, and nothing is charged twice after its first grant (%s)',
  async (at_no_credits) => {
    const { changePlan, buy, spend, run, settle, invoiced, grant, credits, put } = await chargedWorld('polar')
    await changePlan({ at_no_credits })
    const id = `brief-${crypto.randomUUID().slice(0, 8)}`
    const body = { id, name: 'Brief', prices: [], limits: LIMITS, included_credits_usd: '5.00' }
    await call('POST /api/v1/admin/plans', { token: await administrator(), body })
    await put(id)
    await buy() // before any credits were granted
    await spend('3.00')
    await settle()
    expect(await credits()).toMatchObject({ uses_credits: false, owed: '0.000000' })
    await run()
    expect(await invoiced()).toBe(2_000_000)
    await grant('10.00')
    await spend('4.00')
    await settle()
    await run()
    expect(await invoiced()).toBe(2_000_000)
    expect(await credits()).toMatchObject({ uses_credits: true, balance: '6.000000' })
  },
)

test.each(['grant', 'plan'] as const)(
  'what a plan covered before any credits is charged as overage once, also after the first credits (of a %s)',
  async (source) => {
    const { plan, changePlan, buy, spend, run, settle, invoiced, grant, credits, put } = await chargedWorld('polar')
    const token = await administrator()
    const include = async (included_credits_usd: string) => {
      await changePlan({ included_credits_usd })
      const { body } = await call(`POST /api/v1/admin/plans/${plan}/move`, { token, body: { when: 'now' } })
      expect(body).toMatchObject({ moved: 1, failed: [] })
    }
    await changePlan({ at_no_credits: 'allow' })
    const id = `brief-${crypto.randomUUID().slice(0, 8)}`
    const included_credits_usd = '5.00'
    const body = { id, name: 'Brief', prices: [], limits: LIMITS, included_credits_usd, at_no_credits: 'allow' }
    await call('POST /api/v1/admin/plans', { token, body })
    await put(id)
    await spend('8.00')
    await buy() // before any credits were granted: 3.00 are covered, and the bought plan charges none of the 8.00
    await spend('8.00')
    await settle()
    expect(await credits()).toMatchObject({ uses_credits: false, balance: '0.000000' })
    await run()
    expect(await invoiced(), 'above the 8.00 until then').toBe(8_000_000)
    await (source === 'grant' ? grant('5.00') : include(included_credits_usd))
    await settle()
    await spend('4.00')
    await settle()
    await run()
    expect(await invoiced(), 'the credits paid the rest').toBe(8_000_000)
    expect(await credits()).toMatchObject({ uses_credits: true, balance: '1.000000', owed: '0.000000' })
    await spend('3.00')
    await settle()
    await run()
    expect(await invoiced(), 'and the plan what is beyond them').toBe(10_000_000)
  },
)
