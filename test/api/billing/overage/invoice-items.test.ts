import { expect, test } from 'vitest'
import { makeInvoiceItems } from '../../../../src/billing/overage/invoice-items.ts'
import { recordOverage, sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { directly } from '../../../support/direct.ts'
import {
  askStripe,
  claimOne,
  directlyAt,
  fullLook,
  HOUR,
  MINUTE,
  overageWorld,
  soon,
} from '../../../support/overage.ts'
import { act, shopState } from '../../../support/payments.ts'
import { productOf } from '../../../support/shop.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

const { sql } = directly()
const deps = () => directlyAt('stripe')
const DAY = 24 * HOUR

/** An organization that buys at Stripe. */
async function world(plan?: string) {
  const made = await overageWorld('stripe', plan)
  const { organizationId, ledger, items, endsAt, subscription } = made
  /** Just before the renewal: pending rows become items. */
  async function send(): Promise<void> {
    await endsAt(Date.now() + 5 * MINUTE)
    await sendMeteredUsage(deps(), Date.now())
  }
  /** Until nothing is left to be sent. */
  async function sendAll(): Promise<void> {
    for (let runs = 0; runs === 0 || (runs < 6 && (await states()).includes('pending')); runs++) await send()
  }
  const record = () => recordOverage(directly(), fullLook(), organizationId)
  const states = async () => (await ledger()).map(({ state }) => state)
  const cents = async () => (await items()).map(({ amount }) => amount)
  /** What Stripe charged for its subscription, the oldest first. */
  async function orders(): Promise<number[]> {
    const { id } = await subscription()
    return (await shopState('stripe')).orders
      .filter(({ subscriptionId }) => subscriptionId === id)
      .map(({ cents }) => cents)
  }
  /** The paid period ends, and Stripe reports it. */
  async function renew(): Promise<void> {
    await act('stripe', { act: 'advance', subscription: (await subscription()).id })
    await made.arrive()
  }
  /** Rows look as if they had been written some time ago. */
  const age = (ms: number) =>
    sql.query(
      `update billing_usage_ledger set created_at = now() - make_interval(secs => $2) where organization_id = $1`,
      [organizationId, ms / 1000],
    )
  return { ...made, send, sendAll, record, states, cents, orders, renew, age }
}

test('overage waits for the renewal; then it is one invoice item per meter, with the amount in the ledger', async () => {
  const { use, ledger, items, send, record, states, endsAt, subscription, organizationId, orders, renew } =
    await world()
  await use(3_000, Date.now(), 1_500)
  await record()
  await use(1_500)
  await record()
  await endsAt(Date.now() + 11 * MINUTE)
  await sendMeteredUsage(deps(), fullLook())
  expect(await states()).toEqual(['pending', 'pending', 'pending'])
  expect(await items()).toEqual([])
  await send()
  expect(await states()).toEqual(['sent', 'sent', 'sent'])
  const [first] = await ledger()
  const { id, customer } = await subscription()
  const byMeter = (await items()).toSorted((a, b) => a.metadata.meter.localeCompare(b.metadata.meter)) // sent side by side
  expect(byMeter).toMatchObject([
    {
      customer: customer.id,
      parent: { subscription_details: { subscription: id } },
      amount: 7, // 3,500 calls of $0.00002
      currency: 'usd',
      discountable: false,
      description: "api_calls: 3500 above the plan's limit",
      metadata: { org_id: organizationId, meter: 'api_calls', units: '3500', ledger_row: first?.identifier },
      invoice: null,
    },
    { amount: 1, description: "queries: 500 above the plan's limit" },
  ])
  await renew()
  expect(await orders()).toEqual([1_900, 1_908])
  expect((await items()).map(({ invoice }) => invoice)).toEqual([expect.any(String), expect.any(String)])
})

test('fractions of a cent carry over between items of all meters of a period, and are rounded once', async () => {
  const { use, send, ledger, cents, info } = await world()
  await use(1_100, Date.now(), 1_100) // a fifth of a cent each
  await send()
  expect((await ledger()).map((row) => [row.state, row.cents])).toEqual([
    ['sent', 0],
    ['sent', 0],
  ])
  expect(await cents()).toEqual([])
  await use(0, Date.now(), 100) // three fifths together
  await send()
  expect(await cents()).toEqual([1])
  await use(249)
  await send()
  expect(await cents()).toEqual([1]) // 1.098
  await use(201) // 1.5 exactly
  await send()
  expect(await cents()).toEqual([1, 1])
  expect((await info()).overage).toMatchObject({ total_usd: '0.015000', total_cents: 2 })
})

test("an immediate upgrade: the old plan's overage is charged at its own price, to the cent", async () => {
  const { use, limit, post, send, renew, orders, items, ledger } = await world()
  await limit(null)
  await use(1_234_567)
  expect((await post('change', { plan: 'pro' })).body).toMatchObject({ plan: 'pro' })
  expect(await ledger()).toMatchObject([{ units: 234_567, amount: 4_691_340, state: 'pending' }])
  await send()
  expect(await items()).toMatchObject([{ amount: 469, metadata: { units: '234567' } }]) // at pro's price it were 281
  await renew()
  expect((await orders()).at(-1)).toBe(4_900 + 469)
})

test("an immediate downgrade: the old plan's overage is charged at its own price, to the cent", async () => {
  const { use, limit, send, renew, orders, items, subscription, arrive, info, ledger } = await world('pro')
  await limit(null)
  await use(5_234_567)
  const change = { act: 'move', subscription: (await subscription()).id, product: productOf('stripe', 'builder') }
  await act('stripe', change)
  await arrive()
  expect((await info()).plan.id).toBe('builder')
  expect(await ledger()).toMatchObject([{ units: 234_567, amount: 2_814_804 }])
  await send()
  expect(await items()).toMatchObject([{ amount: 281, metadata: { units: '234567' } }]) // at builder's price, 469
  await renew()
  expect((await orders()).at(-1)).toBe(1_900 + 281)
})

test('a run that died before or after sending counts once: the next run sends the same item under the same key', async () => {
  const { use, record, sendAll, cents, ledger, items, fault, endsAt, organizationId } = await world()
  for (const [at, kind] of ['reset_after', 'reset_before'].entries()) {
    await use(at === 0 ? 2_000 : 1_000)
    await fault(kind) // it arrived and the response was lost, or it did not arrive
    await sendAll()
    expect(await cents(), kind).toEqual(Array.from({ length: at + 1 }, () => 2))
  }
  expect((await ledger()).map(({ attempts }) => attempts)).toEqual([1, 1]) // those without a response are not items yet

  // Killed between the claim and the response: nobody touches the item until the claim expires.
  const lost = await claimOne(async () => {
    await use(1_000)
    await endsAt(Date.now() + 5 * MINUTE)
    await record()
    await makeInvoiceItems(sql, { at: Date.now(), isFull: false })
  }, organizationId)
  const keys = async () => (await items()).map(({ metadata }) => metadata.ledger_row)
  await sendMeteredUsage(deps(), soon())
  expect(await keys()).not.toContain(lost)
  await sendMeteredUsage({ ...deps(), now: () => Date.now() + 2 * MINUTE }, soon())
  expect((await keys()).filter((key) => key === lost)).toHaveLength(1)
})

test('ten concurrent runs send one item', async () => {
  const { use, cents, states, endsAt } = await world()
  await use(2_000)
  await endsAt(Date.now() + 5 * MINUTE)
  await Promise.all(Array.from({ length: 10 }, () => sendMeteredUsage(deps(), fullLook())))
  await sendMeteredUsage(deps(), fullLook())
  expect([await cents(), await states()]).toEqual([[2], ['sent']])
})

test.each(['reset_after', 'reset_before'])(
  'after a day without a response Stripe is asked for the item, and it is sent under a new key if missing: %s',
  async (kind) => {
    const { use, send, sendAll, cents, ledger, fault, organizationId } = await world()
    let isOld = false
    for (let calls = 1; !isOld && calls < 20; calls++) {
      await use(calls === 1 ? 2_000 : 1_000)
      await fault(kind)
      await send()
      const old = await sql.query(
        `update billing_usage_ledger set attempted_at = now() - interval '24 hours'
         where organization_id = $1 and state = 'pending' and attempted_at is not null returning 1`,
        [organizationId],
      )
      isOld = old.length > 0 // unless a run of another test was faster
    }
    await sendAll()
    const rows = await ledger()
    expect(rows.map(({ generation }) => generation)).toContain(1)
    expect(await cents()).toEqual(rows.map(() => 2))
  },
)

test('usage after the renewal is on the next invoice: a finalized one accepts nothing more', async () => {
  const { use, send, renew: renewNow, orders, items, info, organizationId } = await world()
  /** Stripe's times are whole seconds: an item sent in the same second would be taken for the next period's. */
  const renew = async () => {
    await sql.query(
      `update billing_usage_ledger set sent_at = sent_at - interval '2 seconds' where organization_id = $1`,
      [organizationId],
    )
    await renewNow()
  }
  const nextCharge = async () => (await info()).next_charge.amount_cents
  await use(2_000)
  expect(await nextCharge()).toBe(1_902)
  await send()
  expect(await nextCharge()).toBe(1_902)
  await use(1_000)
  expect(await nextCharge()).toBe(1_904)
  await renew()
  expect(await orders()).toEqual([1_900, 1_902])
  expect(await nextCharge(), 'without what is paid').toBe(1_902)
  await send()
  expect(await nextCharge()).toBe(1_902)
  expect((await items()).map(({ amount, invoice }) => [amount, invoice !== null])).toEqual([
    [2, true],
    [2, false],
  ])
  await renew()
  expect(await orders()).toEqual([1_900, 1_902, 1_902])
  expect(await nextCharge()).toBe(1_900)
})

test.each<[string, (customer: Awaited<ReturnType<typeof world>>) => Promise<unknown>]>([
  [
    'ended',
    async ({ subscription, arrive }) => {
      await act('stripe', { act: 'cancel_now', subscription: (await subscription()).id })
      await arrive()
    },
  ],
  [
    'is paid by the year, once its usage period is over',
    async ({ endsAt, organizationId }) => {
      await endsAt(Date.now() + 200 * DAY)
      await sql.query(
        `update billing_usage_ledger set period_start = usage_period_start(null, now() - interval '40 days') where organization_id = $1`,
        [organizationId],
      )
    },
  ],
])('the overage of a subscription that %s gets its own invoice a day later, once', async (_, change) => {
  const customer = await world()
  const { use, record, age, items, states, fault } = customer
  await use(2_000, Date.now(), 2_000)
  await record()
  await change(customer)
  await age(23 * HOUR)
  await sendMeteredUsage(deps(), fullLook())
  expect(await items()).toEqual([])
  await age(25 * HOUR)
  await fault('reset_after', 'invoice_items_behavior=include')
  await sendMeteredUsage(deps(), fullLook())
  await sendMeteredUsage(deps(), fullLook())
  expect(await states()).toEqual(['sent', 'sent'])
  const found = await items()
  expect(found).toMatchObject([
    { amount: 2, parent: null },
    { amount: 2, parent: null },
  ])
  const [{ customer: id }] = found
  const { data } = await askStripe(`/invoices?customer=${id}`)
  const own = data.filter(({ billing_reason }: any) => billing_reason === 'manual')
  expect(own.reduce((sum: number, { total }: any) => sum + total, 0)).toBe(4)
  expect(found.map(({ invoice }) => own.some((one: any) => one.id === invoice))).toEqual([true, true])
  for (const { id: invoice } of own)
    expect(await askStripe(`/invoices/${invoice}/finalize`, 'POST'), 'with the card of the subscription').toMatchObject(
      {
        status: 'paid',
      },
    )
})

test('a paused subscription charges nothing until it resumes: Stripe voids its invoices', async () => {
  const { use, record, age, items, post, send, subscription, arrive } = await world()
  await use(2_000)
  await record()
  await act('stripe', { act: 'pause', subscription: (await subscription()).id })
  await arrive()
  await age(25 * HOUR)
  await send()
  await sendMeteredUsage(deps(), fullLook())
  expect(await items()).toEqual([])
  await post('resume')
  await send()
  expect(await items()).toMatchObject([{ amount: 2 }])
})
