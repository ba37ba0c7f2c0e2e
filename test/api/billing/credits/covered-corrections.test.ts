import { expect, test } from 'vitest'
import { settleCredits } from '../../../../src/billing/credits/settle.ts'
import { newPricedHolder } from '../../../support/call-prices.ts'
import { directly } from '../../../support/direct.ts'
import { call } from '../../../support/http.ts'

const { sql } = directly()

test('when a charge is corrected while credits are settled, the plan covers no more than the rest of the charge', async () => {
  const { organizationId, admin, changePlan, spend, credits } = await newPricedHolder(null, '1.00')
  await changePlan({ at_no_credits: 'allow' })
  const correct = (event_id: string) =>
    call('POST /api/v1/usage/corrections', {
      token: admin,
      body: { organization_id: organizationId, event_id, void: true, reason: 'A test' },
    })
  for (let round = 0; round < 15; round++) {
    const id = crypto.randomUUID()
    expect((await spend('5.00', id)).status).toBe(200)
    const settle = () => settleCredits(directly(), organizationId)
    const [{ status }] = await Promise.all([correct(id), settle(), settle(), settle(), settle(), settle(), settle()])
    expect(status).toBe(200)
    const [period] = await sql.query(
      'select (covered_usd <= charge_usd) as fits, covered_usd::float as covered from usage_periods where organization_id = $1',
      [organizationId],
    )
    expect(period).toEqual({ fits: true, covered: 0 })
  }
  expect(await credits()).toMatchObject({ balance: '1.000000', owed: '0.000000' })
})
