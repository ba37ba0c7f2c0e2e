import { expect, test, vi } from 'vitest'
import { recordOverage } from '../../../../src/billing/overage/job.ts'
import { directly } from '../../../support/direct.ts'
import { fullLook, overageWorld } from '../../../support/overage.ts'

test('one run records the overage of any number of organizations, and an unreadable one does not block it', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { organizationId, use, ledger } = await overageWorld('polar')
  await use(1_500, Date.now(), 1_700)
  await recordOverage(directly(), fullLook(), organizationId, 1)
  expect((await ledger()).map(({ units }) => units)).toEqual([500, 700])

  await use(10, Date.now(), 10)
  const { sql } = directly()
  const broken = JSON.stringify([{ up_to: null, unit_price_usd: 'a cent' }])
  await sql.query(`update billing_terms set tiers = $2 where organization_id = $1 and meter = 'api_calls'`, [
    organizationId,
    broken,
  ])
  await recordOverage(directly(), fullLook(), organizationId, 1)
  expect((await ledger()).map(({ units }) => units)).toEqual([500, 700, 10])
  await sql.query('delete from billing_terms where organization_id = $1', [organizationId]) // other files scan all organizations
})
