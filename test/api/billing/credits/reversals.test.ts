import { afterEach, expect, test, vi } from 'vitest'
import { findPurchase, isPurchase } from '../../../../src/billing/credits/purchase-queries.ts'
import { holds } from '../../../../src/db/conditions.ts'
import { ormOver } from '../../../../src/db/orm.ts'
import { newBuyer, tellDispute, tellRefund } from '../../../support/buyers.ts'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'

const { sql } = directly()
const db = ormOver(sql)
const PROVIDERS = ['polar', 'stripe'] as const
const newId = () => crypto.randomUUID()

afterEach(() => vi.restoreAllMocks())

/** Revokes the only grant of a buyer, as the operator. */
async function revoke({ organizationId, credits }: Awaited<ReturnType<typeof newBuyer>>) {
  const [{ id }] = (await credits()).grants
  const path = `/api/v1/admin/organizations/${organizationId}/credits/${id}/revoke`
  expect((await call(`POST ${path}`, { token: await administrator(), body: { reason: 'A test' } })).status).toBe(200)
}

/** The log lines about reversals in other currencies. */
function watchLog() {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  return () =>
    spy.mock.calls
      .map(([line]) => JSON.parse(String(line)))
      .filter(({ event }) => event === 'credits_reversed_in_other_currency')
}

test.each(PROVIDERS)('%s: a refund in another currency takes nothing and is logged', async (provider) => {
  const logged = watchLog()
  const { arrive, credits, organizationId, payment } = await newBuyer(provider, '10.00')
  await arrive()
  const refund = { id: newId(), payment: payment.id, status: 'succeeded', cents: 400, currency: 'EUR' }
  expect(await tellRefund(provider, refund)).toBe(200)
  expect(await credits()).toMatchObject({ balance: '10.000000' })
  const line = { organization_id: organizationId, provider, payment: payment.id, reversal: refund.id }
  expect(logged()).toEqual([expect.objectContaining({ ...line, level: 'error', currency: 'eur', cents: 400 })])
  expect(await tellRefund(provider, { ...refund, status: 'failed' })).toBe(200)
  expect(await listLedger(organizationId)).toEqual(['grant 10'])
  expect(logged()).toHaveLength(1)
})

test.each(PROVIDERS)(
  '%s: a refund in another currency that arrives before its payment is logged with the payment',
  async (provider) => {
    const logged = watchLog()
    const { arrive, credits, payment } = await newBuyer(provider, '10.00')
    const refund = { payment: payment.id, cents: 400, currency: 'eur' }
    const id = newId()
    expect(await tellRefund(provider, { ...refund, id, status: 'succeeded' })).toBe(200)
    expect(await tellRefund(provider, { ...refund, id: newId(), status: 'failed' })).toBe(200)
    expect(logged()).toEqual([])
    await arrive()
    await arrive()
    expect(await credits()).toMatchObject({ balance: '10.000000' })
    expect(logged()).toEqual([expect.objectContaining({ payment: payment.id, reversal: id, currency: 'eur' })])
  },
)

test('a lost dispute in another currency than its payment takes nothing and is logged', async () => {
  const logged = watchLog()
  const { arrive, credits, payment } = await newBuyer('stripe', '10.00')
  await arrive()
  const dispute = { id: newId(), payment: payment.id, cents: 1_500, currency: 'jpy' }
  expect(await tellDispute({ ...dispute, status: 'lost' })).toBe(200)
  expect(await credits()).toMatchObject({ balance: '10.000000' })
  expect(logged()).toMatchObject([{ reversal: dispute.id, currency: 'jpy', cents: 1_500 }])
})

test('a pending Polar refund that fails restores nothing of another refund in the sum', async () => {
  const { arrive, credits, refund, organizationId, payment } = await newBuyer('polar', '10.00')
  await arrive()
  await refund(400)
  await arrive('order.refunded') // not the event of the refund itself
  const pending = { id: newId(), payment: payment.id, cents: 300 }
  for (const status of ['pending', 'failed', 'failed'])
    expect(await tellRefund('polar', { ...pending, status })).toBe(200)
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -4'])
})

test('a failed Polar refund is restored as soon as it is known to have been in the sum', async () => {
  const { arrive, credits, refund, happen } = await newBuyer('polar', '10.00')
  await arrive()
  await refund(400)
  await happen('fail_refund')
  await arrive('order.refunded')
  await arrive('refund.updated')
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  await arrive('refund.created')
  expect(await credits()).toMatchObject({ balance: '10.000000' })
})

test('a pending Stripe refund is in the sum and is restored if it fails', async () => {
  const { arrive, credits, refund, payment } = await newBuyer('stripe', '10.00')
  await arrive()
  await refund(400)
  await arrive('charge.refunded')
  expect(await tellRefund('stripe', { id: newId(), payment: payment.id, cents: 400, status: 'failed' })).toBe(200)
  expect(await credits()).toMatchObject({ balance: '10.000000' })
})

test('a lost dispute takes credits, a won or withdrawn one restores them, and an open one does nothing', async () => {
  const { arrive, credits, payment, organizationId } = await newBuyer('stripe', '10.00')
  await arrive()
  const [first, second] = [newId(), newId()].map((id) => ({ id, payment: payment.id, cents: 300 }))
  if (!first || !second) throw new Error('two')
  for (const status of ['needs_response', 'under_review', 'prevented', 'lost'])
    expect(await tellDispute({ ...first, status })).toBe(200)
  expect(await credits()).toMatchObject({ balance: '7.000000' })
  expect(await tellDispute({ ...second, status: 'lost' })).toBe(200)
  expect(await tellDispute({ ...first, status: 'won' })).toBe(200)
  expect(await tellDispute({ ...second, status: 'warning_closed' })).toBe(200)
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -3', 'refund -3', 'refund 3', 'refund 3'])
})

test.each(PROVIDERS)('%s: a failed refund restores nothing to a revoked purchase', async (provider) => {
  const buyer = await newBuyer(provider, '10.00')
  const { arrive, credits, refund, happen, organizationId } = buyer
  await arrive()
  await refund(400)
  await arrive()
  await revoke(buyer)
  await happen('fail_refund')
  await arrive()
  expect(await credits()).toMatchObject({ balance: '0.000000', grants: [] })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -4', 'revoke -6'])
})

test('a won dispute restores nothing to a revoked purchase', async () => {
  const buyer = await newBuyer('stripe', '10.00')
  const { arrive, credits, organizationId, payment } = buyer
  await arrive()
  const dispute = { id: newId(), payment: payment.id, cents: 400 }
  expect(await tellDispute({ ...dispute, status: 'lost' })).toBe(200)
  await revoke(buyer)
  expect(await tellDispute({ ...dispute, status: 'won' })).toBe(200)
  expect(await credits()).toMatchObject({ balance: '0.000000', grants: [] })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -4', 'revoke -6'])
})

test.each([
  ['what was taken back', 'update credit_purchases set taken_back = taken_back + 1 where payment_id = $1'],
  ['the shortfall', 'update credit_purchases set shortfall = shortfall + 1 where payment_id = $1'],
  [
    'the revocation of its grant',
    'update credit_grants set revoked_at = now() where id = (select grant_id from credit_purchases where payment_id = $1)',
  ],
])('a purchase is not overwritten if %s changed since it was read', async (_, change) => {
  const { arrive, payment } = await newBuyer('stripe', '10.00')
  await arrive()
  const ref = { provider: 'stripe', paymentId: payment.id } as const
  const known = await findPurchase(db, ref)
  const isStill = () => holds(db, isPurchase(known, { refunded: 0, failed: 0, disputed: 0 }, ref))
  expect(await isStill()).toBe(true)
  await sql.query(change, [payment.id])
  expect(await isStill()).toBe(false)
})
