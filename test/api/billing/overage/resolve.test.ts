import { expect, test, vi } from 'vitest'
import { recordOverage } from '../../../../src/billing/overage/job.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { newCustomer } from '../../../support/payments.ts'

const { sql } = directly()

test('comparing the ledger with usage shows what was written off, which customers cannot do', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { organizationId: organization_id, buy, token: customer } = await newCustomer('stripe')
  const token = await administrator()
  // Before it is on the plan: concurrent tests scan all organizations.
  await call(`PUT /api/v1/admin/organizations/${organization_id}/quotas`, { token, body: { api_calls: 1_000 } })
  await buy('builder')
  const used = { id: uuidv7(Date.now()), organization_id, occurred_at: new Date().toISOString(), api_calls: 1_003 }
  await writeUsage(directly(), [used])
  await recordOverage(directly(), Date.now(), organization_id)
  const [row] = await sql.query(
    `update billing_usage_ledger set state = 'refused', attempted_at = now(), charged_with = identifier
     where organization_id = $1 returning identifier`,
    [organization_id],
  )
  const line = `POST /api/v1/admin/ledger/${row?.identifier}/write-off`
  const report = async () =>
    (await call(`GET /api/v1/admin/billing/ledger?organization_id=${organization_id}`, { token })).body.data[0]
  const body = { reason: 'As agreed' }
  expect((await call(line, { token: customer, body })).status).toBe(404)
  expect(await report()).toMatchObject({ refused_units: 3, written_off_units: 0 })
  expect((await call(line, { token, body })).status).toBe(200)
  expect(await report()).toMatchObject({ refused_units: 0, written_off_units: 3, difference_units: 0 })
})
