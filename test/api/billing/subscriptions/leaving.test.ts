import { expect, test } from 'vitest'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { act, newCustomer } from '../../../support/payments.ts'
import { productOf, reconcileAlone } from '../../../support/shop.ts'

const { sql } = directly()

/** An organization on `builder` that is 250 calls above a limit of its own. */
async function world() {
  const customer = await newCustomer()
  const { organizationId: organization_id } = customer
  await customer.buy('builder')
  const path = `/api/v1/admin/organizations/${organization_id}`
  await call(`PUT ${path}/quotas`, { token: await administrator(), body: { api_calls: 1_000 } })
  const used = { id: uuidv7(Date.now()), organization_id, occurred_at: new Date().toISOString(), api_calls: 1_250 }
  await writeUsage(directly(), [used])
  return customer
}

test.each<[string, (customer: Awaited<ReturnType<typeof world>>) => Promise<unknown>]>([
  [
    'an administrator',
    async ({ organizationId }) =>
      call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, {
        token: await administrator(),
        body: { plan: 'free' },
      }),
  ],
  [
    "the provider's portal, by its webhook",
    async ({ subscription, arrive }) => {
      await act('polar', { act: 'move', subscription: (await subscription()).id, product: productOf('polar', 'pro') })
      await arrive()
    },
  ],
  [
    'the reconcile job',
    async ({ subscription, organizationId }) => {
      await act('polar', { act: 'cancel_now', subscription: (await subscription()).id })
      await reconcileAlone(directly(), organizationId)
    },
  ],
])('overage is in the ledger after %s changed the plan', async (_, change) => {
  const customer = await world()
  await change(customer)
  expect((await customer.info()).plan.id).not.toBe('builder')
  const ledger = await sql.query(
    'select units::int, amount_micro_usd::int as amount from billing_usage_ledger where organization_id = $1',
    [customer.organizationId],
  )
  expect(ledger).toEqual([{ units: 250, amount: 5_000 }])
})
