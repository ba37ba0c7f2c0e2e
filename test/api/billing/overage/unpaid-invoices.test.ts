/** Invoices that contain only overage: no subscription shows whether they are paid. */
import { afterEach, expect, test, vi } from 'vitest'
import { sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { directly } from '../../../support/direct.ts'
import { failFor } from '../../../support/faults.ts'
import { administrator, call } from '../../../support/http.ts'
import { askStripe, directlyAt, fullLook, HOUR, overageWorld } from '../../../support/overage.ts'
import { act } from '../../../support/payments.ts'
import { deliver, reconcileAlone, stripeEvent } from '../../../support/shop.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

const { sql } = directly()
afterEach(() => vi.restoreAllMocks())

/** A customer who canceled. Their overage is on an invoice of its own, and their card declines it. */
async function world() {
  const one = await overageWorld('stripe')
  const { organizationId, use, arrive, subscription, report } = one
  await use(1_250)
  const { id, customer } = await subscription()
  await act('stripe', { act: 'cancel_now', subscription: id })
  await arrive()
  await sql.query(`update billing_usage_ledger set created_at = now() - interval '2 days' where organization_id = $1`, [
    organizationId,
  ])
  const find = async () => {
    await sendMeteredUsage(directlyAt('stripe'), fullLook(Date.now() + HOUR))
    const [row] = await sql.query(
      'select invoice_id, invoice_state, state from billing_usage_ledger where organization_id = $1',
      [organizationId],
    )
    return row
  }
  await vi.waitFor(async () => expect(await find()).toMatchObject({ state: 'sent', invoice_state: 'open' }), {
    timeout: 20_000,
  })
  const invoice = String((await find())?.invoice_id)
  await act('stripe', { act: 'refuse_card', customer: customer.id })
  expect(await askStripe(`/invoices/${invoice}/finalize`, 'POST')).toMatchObject({ status: 'open', attempt_count: 1 })
  const tell = async (type: string) => {
    const { status } = await deliver(
      'stripe',
      await stripeEvent(type, { id: invoice, object: 'invoice', parent: null }),
    )
    expect(status).toBe(200)
  }
  const unpaid = async () => (await report())[0].unpaid_units
  const drift = async () => {
    const { body } = await call('GET /api/v1/admin/billing/drift', { token: await administrator() })
    return body.data.filter((found: { organization_id: string }) => found.organization_id === organizationId)
  }
  const reconcile = () => reconcileAlone(directlyAt('stripe'), organizationId)
  return { ...one, invoice, customer, tell, unpaid, drift, reconcile }
}

const watchErrors = (text: string) => {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  return () =>
    spy.mock.calls
      .map(([line]) => String(line))
      .filter((line) => line.includes(text) && line.includes('overage_unpaid'))
}

test('a failed invoice is recorded by its webhook, is drift that is not repairable, and disappears once it is paid', async () => {
  const { organizationId, invoice, customer, tell, unpaid, drift, info } = await world()
  const errors = watchErrors(invoice)
  expect(await unpaid()).toBe(0)
  const { plan } = await info()
  await tell('invoice.payment_failed')
  await tell('invoice.payment_failed')
  expect(await unpaid()).toBe(250)
  expect(errors()).toHaveLength(1)
  expect(await drift()).toEqual([
    expect.objectContaining({
      kind: 'overage_unpaid',
      subscription_id: invoice,
      organization_id: organizationId,
      is_repairable: false,
    }),
  ])
  expect((await info()).plan).toEqual(plan)
  await act('stripe', { act: 'accept_card', customer: customer.id })
  expect(await askStripe(`/invoices/${invoice}/pay`, 'POST')).toMatchObject({ status: 'paid' })
  await tell('invoice.paid')
  expect([await unpaid(), await drift()]).toEqual([0, []])
})

test('a failed invoice whose webhook never arrived is found by the hourly job', async () => {
  const { invoice, unpaid, reconcile } = await world()
  const errors = watchErrors(invoice)
  await reconcile()
  await reconcile()
  expect(await unpaid()).toBe(250)
  expect(errors()).toHaveLength(1)
})

test('the check of an invoice that cannot be read is noted, so that the invoice takes its turn', async () => {
  const { invoice, reconcile } = await world()
  const warned = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  await sql.query(
    "update billing_usage_ledger set invoice_checked_at = now() - interval '2 days' where invoice_id = $1",
    [invoice],
  )
  await failFor(`/invoices/${invoice}`, { door: 'stripe', count: 10, kind: 'status', value: 500 })
  await reconcile()
  expect(warned.mock.calls.some(([line]) => String(line).includes('overage_invoice_unread'))).toBe(true)
  const [row] = await sql.query(
    "select invoice_state, invoice_checked_at > now() - interval '1 day' as is_recent from billing_usage_ledger where invoice_id = $1",
    [invoice],
  )
  expect(row).toEqual({ invoice_state: 'open', is_recent: true })
})
