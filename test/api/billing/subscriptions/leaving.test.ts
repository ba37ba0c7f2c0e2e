import { expect, test } from 'vitest'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { act, newCustomer } from '../../../support/payments.ts'
import { productOf, reconcileAlone } from '../../../support/shop.ts'

const { sql } = directly()

const PASSWORD = 'correct horse battery'
const OVERAGE = [{ units: 250, amount: 5_000 }]
const ledgerOf = ({ organizationId }: { readonly organizationId: string }) =>
  sql.query('select units::int, amount_micro_usd::int as amount from billing_usage_ledger where organization_id = $1', [
    organizationId,
  ])

/** An organization on `builder` that is 250 calls above a limit of its own. */
async function world() {
  const customer = await newCustomer()
  const { organizationId: organization_id } = customer
  const path = `/api/v1/admin/organizations/${organization_id}`
  await call(`PUT ${path}/quotas`, { token: await administrator(), body: { api_calls: 1_000 } }) // first, as in overageWorld
  await customer.buy('builder')
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
  expect(await ledgerOf(customer)).toEqual(OVERAGE)
})

test.each<[string, (customer: Awaited<ReturnType<typeof world>>) => Promise<unknown>]>([
  [
    'its owner',
    async ({ organizationId, token, info }) => {
      const confirm_name = (await call('GET /api/v1/organizations', { token })).body.data.find(
        ({ id }: { id: string }) => id === organizationId,
      ).name
      await call('POST /api/v1/organizations', { token, body: { name: 'Another' } })
      expect((await info()).subscription.cancel_at_period_end).toBe(true)
      const body = { confirm_name, password: PASSWORD }
      return call(`DELETE /api/v1/organizations/${organizationId}`, { token, body })
    },
  ],
  [
    'an administrator',
    async ({ organizationId }) =>
      call(`DELETE /api/v1/admin/organizations/${organizationId}`, { token: await administrator() }),
  ],
  [
    'its owner, with their account',
    ({ token }) => call('DELETE /api/v1/auth/me', { token, body: { password: PASSWORD } }),
  ],
])('the ledger has the overage of an organization that was deleted by %s', async (_, remove) => {
  const customer = await world()
  await customer.post('cancel')
  expect(await remove(customer)).toMatchObject({ status: 204 })
  expect(await ledgerOf(customer)).toEqual(OVERAGE)
})
