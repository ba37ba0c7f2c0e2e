import { describe, expect, test } from 'vitest'
import { recordOverage, sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { findDeltas, keepTerms } from '../../../../src/billing/overage/queries.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { claimOne, directlyAt, fullLook, HOUR, MINUTE, overageWorld, soon } from '../../../support/overage.ts'
import { newCustomer, shopState } from '../../../support/payments.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

const { sql } = directly()
const deps = () => directlyAt('polar')

async function world(provider: 'polar' | 'stripe' = 'polar') {
  const made = await overageWorld(provider)
  /** What Polar has counted. */
  async function told(): Promise<{ units: number; id: string }[]> {
    const { usage } = await shopState('polar')
    return usage
      .map(({ units, externalId }) => ({ units, id: externalId }))
      .filter(({ id }) => id.startsWith(made.organizationId))
  }
  return { ...made, told }
}

describe('at Polar', () => {
  test('overage is reported once, from the first unit above the limit, and the ledger equals the usage', async () => {
    const { use, ledger, told, report, info } = await world()
    await use(1_000)
    await sendMeteredUsage(deps(), fullLook())
    expect(await ledger()).toEqual([])
    await use(1)
    await sendMeteredUsage(deps(), fullLook())
    await sendMeteredUsage(deps(), fullLook())
    await use(2_499)
    await sendMeteredUsage(deps(), fullLook())
    expect(await ledger()).toMatchObject([
      { from_units: 0, units: 1, amount: 20, state: 'sent', attempts: 1 },
      { from_units: 1, units: 2_499, amount: 49_980, state: 'sent', attempts: 1 },
    ])
    expect((await told()).map(({ units }) => units)).toEqual([1, 2_499])
    const row = (await report()).find(({ meter }: { meter: string }) => meter === 'api_calls')
    expect(row).toMatchObject({
      provider: 'polar',
      plan: 'builder',
      included_units: 1_000,
      used_units: 3_500,
      used_units_by_hour: 3_500,
      overage_units: 2_500,
      overage_usd: '0.050000',
      recorded_units: 2_500,
      recorded_usd: '0.050000',
      sent_units: 2_500,
      pending_units: 0,
      difference_units: 0,
      difference_usd: '0.000000',
    })
    expect(await info()).toMatchObject({
      overage: {
        meters: { api_calls: { units: 2_500, amount_usd: '0.050000' } },
        total_usd: '0.050000',
        total_cents: 5,
      },
      next_charge: { amount_cents: 1_905 },
    })
  })

  test('a run that dies before or after sending counts once: the next run sends under the same identifier', async () => {
    const { use, ledger, told, fault, organizationId } = await world()
    await use(1_010)
    await fault('reset_after') // it arrived, and the response was lost
    await sendMeteredUsage(deps(), fullLook())
    const [open] = await ledger()
    expect(open).toMatchObject({ state: 'pending', attempts: 0 })
    expect(await told()).toHaveLength(1)
    await sendMeteredUsage(deps(), soon())
    expect(await ledger()).toMatchObject([{ identifier: open?.identifier, state: 'sent', attempts: 1 }])

    await use(5)
    await fault('reset_before')
    await sendMeteredUsage(deps(), fullLook())
    expect(await told()).toHaveLength(1)
    await use(5)
    await sendMeteredUsage(deps(), fullLook())
    expect((await told()).map(({ units }) => units)).toEqual([10, 5, 5])

    // Killed between the claim and the response: nobody touches the row until the claim expires.
    const before = (await told()).length
    const lost = await claimOne(async () => {
      await use(7)
      await recordOverage(directly(), fullLook(), organizationId)
    }, organizationId)
    await sendMeteredUsage(deps(), soon())
    expect((await told()).map(({ id }) => id)).not.toContain(lost)
    await sendMeteredUsage({ ...deps(), now: () => Date.now() + 2 * MINUTE }, soon())
    expect((await told()).map(({ id }) => id)).toContain(lost)
    expect(new Set((await told()).slice(before).map(({ units }) => units))).toEqual(new Set([7]))
  })

  test('ten concurrent runs report overage once', async () => {
    const { use, ledger, told, report } = await world()
    await use(1_500)
    await Promise.all(Array.from({ length: 10 }, () => sendMeteredUsage(deps(), fullLook())))
    await use(100)
    await Promise.all(Array.from({ length: 10 }, () => sendMeteredUsage(deps(), fullLook())))
    await sendMeteredUsage(deps(), fullLook())
    expect((await told()).map(({ units }) => units)).toEqual([500, 100])
    expect((await ledger()).map(({ state, attempts }) => [state, attempts])).toEqual([
      ['sent', 1],
      ['sent', 1],
    ])
    expect((await report()).map(({ difference_units }: any) => difference_units)).toEqual([0, 0])
  })
})

test('between the hourly runs only organizations whose period is about to end or just ended are checked', async () => {
  const { use, ledger, organizationId, endsAt } = await world()
  const midst = new Date(Date.now() - 10 * 24 * HOUR).toISOString()
  await sql.query('update organizations set period_anchor = $2 where id = $1', [organizationId, midst])
  await use(1_001)
  await keepTerms(sql, { at: new Date().toISOString(), isFull: true, organizationId })
  /** Whether a run would find it; full scans of other tests may record it at any time. */
  const isDue = async (at: number) => {
    const look = { at: new Date(at).toISOString(), isFull: false, organizationId: null }
    return (await findDeltas(sql, look, { limit: 5_000 })).some(
      ({ organization_id }) => organization_id === organizationId,
    )
  }
  expect(await isDue(soon())).toBe(false)
  await endsAt(soon() + HOUR + MINUTE)
  expect(await isDue(soon())).toBe(false)
  await recordOverage(directly(), soon() + 2 * MINUTE)
  expect(await ledger()).toMatchObject([{ units: 1 }])
})

test('usage that arrives after its period ended is charged by the terms of that period', async () => {
  const { use, ledger, organizationId } = await world('stripe')
  const now = Date.now()
  const anchor = now - 3 * MINUTE - 40 * 24 * HOUR // periods begin on that day of the month
  await sql.query('update organizations set period_anchor = $2 where id = $1', [
    organizationId,
    new Date(anchor).toISOString(),
  ])
  const [{ start, before } = {}] = await sql.query(
    `select usage_period_start(period_anchor, now()) as start,
       usage_period_start(period_anchor, usage_period_start(period_anchor, now()) - interval '1 second') as before from organizations where id = $1`,
    [organizationId],
  )
  const end = new Date(start).getTime()
  await use(1_500, end - 2 * HOUR)
  await recordOverage(directly(), fullLook(end - 2 * HOUR))
  expect(await ledger()).toMatchObject([{ units: 500, period_start: before }])
  // A smaller plan afterwards: the terms of the period stay.
  await sql.query(`update organizations set limit_overrides = '{"api_calls": 10}' where id = $1`, [organizationId])
  await use(25, end - 1_000)
  await recordOverage(directly(), fullLook(end + 24 * HOUR))
  const rows = await ledger()
  expect(rows.map(({ units, from_units }) => [from_units, units])).toEqual([
    [0, 500],
    [500, 25],
  ])
})

test('late usage is reported to Stripe as of the last second of its period', async () => {
  const { use, ledger } = await world('stripe')
  const end = Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth(), 1)
  await use(1_001, end - HOUR)
  await recordOverage(directly(), fullLook(end - HOUR))
  await use(1, end - 2_000)
  await recordOverage({ ...directly(), now: () => fullLook(end) }, fullLook(end))
  const [first, late] = (await ledger()).map(({ occurred_at }) => new Date(occurred_at).getTime())
  expect([fullLook(end - HOUR), end - 1_000]).toContain(first) // a full scan of another test may have found it late
  expect(late).toBe(end - 1_000)
})

test('a larger plan during the period takes nothing back, and does not charge what it includes', async () => {
  const { use, ledger, organizationId, info, report } = await world()
  await use(3_000)
  await recordOverage(directly(), fullLook())
  const limit = (units: number) =>
    sql.query('update organizations set limit_overrides = $2 where id = $1', [
      organizationId,
      JSON.stringify({ api_calls: units }),
    ])
  await limit(10_000)
  await use(7_001)
  await recordOverage(directly(), fullLook())
  expect((await ledger()).map(({ units }) => units)).toEqual([2_000])
  expect((await info()).overage.meters.api_calls).toEqual({ units: 2_000, amount_usd: '0.040000' })
  expect((await report())[0]).toMatchObject({ overage_units: 1, recorded_units: 2_000, difference_units: -1_999 })
  await limit(1_000)
  await use(2_000)
  await recordOverage(directly(), fullLook())
  expect((await ledger()).map(({ units }) => units)).toEqual([2_000, 1]) // 12,001 used, 10,000 included
  // On a plan without limits nothing more is charged.
  await sql.query(`update organizations set plan_id = 'enterprise', limit_overrides = '{}' where id = $1`, [
    organizationId,
  ])
  await use(50_000)
  await recordOverage(directly(), fullLook())
  expect(await ledger()).toHaveLength(2)
})

test('overage of a plan is recorded before a larger plan replaces it', async () => {
  const { use, ledger, post, organizationId, info } = await world()
  const token = await administrator()
  await call(`PUT /api/v1/admin/organizations/${organizationId}/quotas`, { token, body: { api_calls: null } })
  await use(1_000_500)
  expect((await post('change', { plan: 'pro' })).body.plan).toBe('pro')
  expect(await ledger()).toMatchObject([{ units: 500, amount: 10_000, state: 'pending' }])
  await use(1_000_000)
  await sendMeteredUsage(deps(), fullLook())
  expect(await ledger()).toMatchObject([{ units: 500, state: 'sent' }])
  expect((await info()).overage).toMatchObject({ total_usd: '0.010000', total_cents: 1 })
})

test('usage that a provider refuses is kept with its reason and does not delay the rest', async () => {
  const [one, other] = [await world(), await world()]
  await one.use(1_001)
  await other.use(1_001)
  await recordOverage(directly(), fullLook())
  await sql.query(`update billing_usage_ledger set provider_customer_id = 'nobody' where organization_id = $1`, [
    one.organizationId,
  ])
  await sendMeteredUsage(deps(), soon())
  expect([await one.ledger(), await other.ledger()]).toMatchObject([[{ state: 'refused' }], [{ state: 'sent' }]])
  expect((await one.report())[0]).toMatchObject({ refused_units: 1 })
})

test('usage is not charged within limits, on plans that block or charge no overage, or without a subscription', async () => {
  const { use, ledger, organizationId } = await world()
  const { user } = await newCustomer()
  await use(500)
  await sql.query(
    `insert into usage_periods (organization_id, period_start, api_calls) values ($1, usage_period_start(null, now()), 9000000)`,
    [user.organization_id],
  )
  await recordOverage(directly(), fullLook())
  expect(await ledger()).toEqual([])
  expect(await sql.query('select from billing_terms where organization_id = $1', [user.organization_id])).toEqual([])
  expect(
    await sql.query('select meter from billing_terms where organization_id = $1 order by 1', [organizationId]),
  ).toEqual([{ meter: 'api_calls' }, { meter: 'queries' }])
})
