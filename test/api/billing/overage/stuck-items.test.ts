import { afterEach, expect, test, vi } from 'vitest'
import { MAX_TRIES, recordOverage, sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { configuredProviders } from '../../../../src/billing/providers/configured.ts'
import { directly } from '../../../support/direct.ts'
import { failFor } from '../../../support/faults.ts'
import { administrator, call, eventually } from '../../../support/http.ts'
import { directlyAt, fullLook, MINUTE, overageWorld } from '../../../support/overage.ts'
import { act } from '../../../support/payments.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

const { sql } = directly()
const token = await administrator()
const run = () => sendMeteredUsage(directlyAt('stripe'), fullLook())

afterEach(() => vi.restoreAllMocks())

/** An organization at Stripe with one row of overage, which becomes an item of 2 cents. */
async function world() {
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockImplementation(() => undefined)
  const made = await overageWorld('stripe')
  const { organizationId } = made
  await made.use(2_000)
  await recordOverage(directly(), fullLook(), organizationId)
  const change = (set: string) =>
    sql.query(`update billing_usage_ledger set ${set} where organization_id = $1`, [organizationId])
  const listed = async (state: string) =>
    (await call(`GET /api/v1/admin/ledger?organization_id=${organizationId}&state=${state}`, { token })).body.data
  /** Runs the job until rows reach a state: runs of other tests may be sending them. */
  const runUntil = (state: string, holds = (rows: any[]) => rows.length > 0) =>
    eventually(async () => {
      await run()
      return listed(state)
    }, holds)
  return { ...made, change, listed, runUntil }
}

test('an invoice that Stripe keeps refusing is shown at once, marked refused after a number of tries, and can be resent', async () => {
  const { subscription, arrive, change, runUntil, ledger, organizationId } = await world()
  await act('stripe', { act: 'cancel_now', subscription: (await subscription()).id })
  await arrive()
  await change(`created_at = now() - interval '25 hours'`)
  const match = [encodeURIComponent(organizationId), 'invoice_items_behavior=include']
  await failFor(match, { door: 'stripe', kind: 'status', value: 400, count: 100 })
  const [open] = await runUntil('pending', ([row]) => row.error !== null)
  expect(open.attempts).toBeLessThan(MAX_TRIES)
  await change(`attempts = ${MAX_TRIES - 1}`)
  const [{ id, attempts, error }] = await runUntil('refused')
  expect([attempts >= MAX_TRIES, error]).toEqual([true, open.error])
  const { status, body } = await call(`POST /api/v1/admin/ledger/${encodeURIComponent(id)}/resend`, { token })
  expect([status, body.state, body.attempts]).toEqual([200, 'pending', 0])
  expect(await ledger()).toMatchObject([{ generation: 1 }])
})

test('tries without a response from Stripe never count as refused, however many', async () => {
  const { endsAt, organizationId, runUntil, ledger, listed, items } = await world()
  await endsAt(Date.now() + 5 * MINUTE)
  const match = encodeURIComponent(organizationId)
  await failFor(match, { door: 'stripe', kind: 'status', value: 503, count: MAX_TRIES + 1 })
  await failFor(match, { door: 'stripe', kind: 'status', value: 409, count: 1 })
  const [refused] = await runUntil('pending', ([row]) => row?.error !== null)
  expect(refused).toMatchObject({ attempts: 1 })
  expect(await listed('refused')).toEqual([])
  await runUntil('sent')
  expect(await ledger()).toMatchObject([{ state: 'sent', attempts: 2 }])
  expect(await items()).toHaveLength(1)
})

test('an item that Stripe has with another amount is unknown, and the ledger explains why', async () => {
  const { endsAt, change, runUntil, items } = await world()
  await endsAt(Date.now() + 5 * MINUTE)
  await runUntil('sent')
  await change(`state = 'pending', generation = 1, amount_cents = 3, attempted_at = null`)
  const [{ error }] = await runUntil('unknown')
  const [item] = await items()
  expect(error).toMatch(new RegExp(`${item.id}.*2 usd.*3 usd`))
  expect(await items()).toHaveLength(1)
})

test('when Stripe limits its rate, the same run retries after the time that Stripe gives', async () => {
  const { endsAt, organizationId, runUntil, ledger, items } = await world()
  await endsAt(Date.now() + 5 * MINUTE)
  await failFor(encodeURIComponent(organizationId), { door: 'stripe', kind: 'status', value: 429, count: 2 })
  await runUntil('sent')
  expect(await ledger()).toMatchObject([{ state: 'sent', attempts: 1 }])
  expect(await items()).toHaveLength(1)
})

test('a row is claimed for longer than a batch can take, so that no other run sends it meanwhile', async () => {
  const { endsAt, organizationId } = await world()
  await endsAt(Date.now() + 5 * MINUTE)
  await failFor(encodeURIComponent(organizationId), { door: 'stripe', kind: 'delay', value: 1_000, count: 1 })
  const slow = run()
  const claimed = () =>
    sql.query(
      `select extract(epoch from claimed_until - attempted_at)::float8 * 1000 as ms from billing_usage_ledger
       where organization_id = $1 and claimed_until is not null`,
      [organizationId],
    )
  const [claim] = await eventually(claimed, (rows) => rows.length > 0)
  for (const { sendUsageMs } of configuredProviders(directly().config)) expect(claim?.ms).toBeGreaterThan(sendUsageMs)
  await slow
})
