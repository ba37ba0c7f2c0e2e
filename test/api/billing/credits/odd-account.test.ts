import { expect, onTestFinished, test, vi } from 'vitest'
import { runCredits } from '../../../../src/billing/credits/job.ts'
import { newPricedHolder } from '../../../support/call-prices.ts'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'

const { sql } = directly()

test('an organization whose credits cannot be settled is logged and does not stop the others', async () => {
  const [odd, one] = [await newPricedHolder(null, '1.00'), await newPricedHolder(null, '1.00')]
  const grant = (amount: string) =>
    sql.query('update credit_accounts set granted = $2 where organization_id = $1', [odd.organizationId, amount])
  onTestFinished(() => grant('11').then(() => undefined))
  await grant('999999999999999') // no larger value fits into the column
  for (const { changePlan } of [odd, one]) await changePlan({ included_credits_usd: '10.00' })
  const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await runCredits(directly(), Date.now())
  expect(await listLedger(one.organizationId)).toEqual(['grant 1', 'grant 10'])
  const lines = logged.mock.calls.map(([line]) => String(line)).filter((line) => line.includes(odd.organizationId))
  logged.mockRestore()
  expect(lines.join()).toContain('credits_not_settled')
})
