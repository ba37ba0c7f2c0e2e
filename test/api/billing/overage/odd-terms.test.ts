import { afterEach, expect, test, vi } from 'vitest'
import { recordOverage } from '../../../../src/billing/overage/job.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { directly } from '../../../support/direct.ts'
import { newCustomer } from '../../../support/payments.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

const HOUR = 3_600_000
const { sql } = directly()
/** A minute at which only organizations at the end of their period are checked: those of this file. */
const look = () => Math.floor(Date.now() / HOUR) * HOUR + 20 * 60_000

const setOverrides = (organizationId: string, overrides: object) =>
  sql.query('update organizations set limit_overrides = $2 where id = $1', [organizationId, JSON.stringify(overrides)])
const setTiers = (organizationId: string, tiers: unknown) =>
  sql.query('update billing_terms set tiers = $2 where organization_id = $1', [organizationId, JSON.stringify(tiers)])
const listUnits = async (organizationId: string) =>
  (await sql.query('select units::int from billing_usage_ledger where organization_id = $1', [organizationId])).map(
    ({ units }) => units,
  )

/** An organization on `builder`, with limits set before: concurrent tests scan all organizations. */
async function newSubscriber(overrides: object = { api_calls: 1_000, queries: 1_000 }): Promise<string> {
  const { organizationId, buy } = await newCustomer()
  await setOverrides(organizationId, overrides)
  await buy('builder')
  await sql.query('update subscriptions set current_period_end = $2 where organization_id = $1', [
    organizationId,
    new Date(look() + HOUR / 2).toISOString(),
  ])
  return organizationId
}

async function use(organization_id: string): Promise<void> {
  const occurred_at = new Date().toISOString()
  await writeUsage(directly(), [{ id: uuidv7(Date.now()), organization_id, occurred_at, api_calls: 1_001 }])
}

const odd: string[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  for (const id of odd.splice(0)) {
    await setOverrides(id, {})
    await sql.query('delete from billing_terms where organization_id = $1', [id])
  }
})

/** The log lines about an organization's terms while `work` runs. */
async function captureLog(organizationId: string, work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  await work()
  const entries = spy.mock.calls.map(([line]) => JSON.parse(String(line)) as Record<string, unknown>)
  return entries.filter((entry) => entry.organization_id === organizationId)
}

test.each([
  ['no number', 'many'],
  ['beyond what is counted', 1e30],
  ['below zero', -1],
])('a limit that is %s is logged and does not stop the overage of other organizations', async (_, api_calls) => {
  const [one, other] = [await newSubscriber({ api_calls, queries: 1_000 }), await newSubscriber()]
  odd.push(one)
  await use(one)
  await use(other)
  const entries = await captureLog(one, () => recordOverage(directly(), look()))
  expect(entries).toMatchObject([
    { event: 'billing_terms_unreadable', plan_id: expect.stringMatching(/^builder(@\d+)?$/), meter: 'api_calls' },
  ])
  expect([await listUnits(one), await listUnits(other)]).toEqual([[], [1]])
})

test.each([
  ['no list', { up_to: null }],
  ['without a price', [{ up_to: null }]],
  ['no decimal', [{ up_to: null, unit_price_usd: 'free' }]],
  ['beyond the ledger', [{ up_to: null, unit_price_usd: '99999999999999' }]],
])('prices that are %s are logged and do not stop the overage of other organizations', async (_, tiers) => {
  const [one, other] = [await newSubscriber(), await newSubscriber()]
  odd.push(one)
  await recordOverage(directly(), look(), one)
  await setTiers(one, tiers)
  await use(one)
  await use(other)
  const entries = await captureLog(one, () => recordOverage(directly(), look()))
  expect(entries).toMatchObject([{ event: 'billing_terms_unreadable', meter: 'api_calls' }])
  expect([await listUnits(one), await listUnits(other)]).toEqual([[], [1]])
  await setTiers(one, [{ up_to: null, unit_price_usd: '0.00002' }])
  await recordOverage(directly(), look())
  expect(await listUnits(one)).toEqual([1])
})
