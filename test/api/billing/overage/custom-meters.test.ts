/** Overage of custom meters, at both providers, through the same ledger. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { defineMeters } from '../../../support/custom-meters.ts'
import { directly } from '../../../support/direct.ts'
import { directlyAt, fullLook, MINUTE, overageWorld } from '../../../support/overage.ts'
import { shopState } from '../../../support/payments.ts'
import { hidePlans, LIMITS, sellPlan } from '../../../support/sold-plans.ts'
import { takeTurns } from '../../../support/turns.ts'

takeTurns('overage')

vi.setConfig({ testTimeout: 30_000 })
beforeAll(defineMeters)
const made: string[] = []
afterAll(() => hidePlans(made))

const METERS = { images: { limit: 100, at_limit: 'allow' }, audio_seconds: { limit: 2.5, at_limit: 'allow' } }
const OVERAGE = {
  images: {
    tiers: [
      { up_to: 10, unit_price_usd: '0.04' },
      { up_to: null, unit_price_usd: '0.02' },
    ],
  },
  audio_seconds: { tiers: [{ up_to: null, unit_price_usd: '0.10' }] },
}

/** An organization on a plan of its own that sells images above 100 and seconds above 2.5. */
async function world(provider: 'polar' | 'stripe') {
  const offer = { prices: [{ cents: 4_900 }], limits: { ...LIMITS, meters: METERS }, overage: OVERAGE }
  const plan = await sellPlan(provider, offer)
  made.push(plan)
  const customer = await overageWorld(provider, plan)
  const use = (quantities: Record<string, number>) =>
    writeUsage(directly(), [
      {
        id: uuidv7(Date.now()),
        organization_id: customer.organizationId,
        occurred_at: new Date().toISOString(),
        quantities,
      },
    ])
  return { ...customer, use, run: () => sendMeteredUsage(directlyAt(provider), fullLook()) }
}

describe('overage of a meter of one’s own', () => {
  test('is reported to Polar once, by the whole unit, and is in the ledger and on the bill', async () => {
    const { use, run, ledger, report, info, organizationId } = await world('polar')
    await use({ images: 100, audio_seconds: 3.999 })
    await run()
    expect(await ledger()).toEqual([])
    await use({ images: 15, audio_seconds: 1.001 })
    await run()
    await run()
    expect(await ledger()).toMatchObject([
      { units: 2, amount: 200_000, state: 'sent' },
      { units: 15, amount: 500_000, state: 'sent' },
    ])
    const { usage } = await shopState('polar')
    const told = usage.filter(({ externalId }) => externalId.startsWith(organizationId))
    expect(told.map(({ units }) => units).toSorted((a: number, b: number) => a - b)).toEqual([2, 15])
    const row = (await report()).find(({ meter }: { meter: string }) => meter === 'images')
    expect(row).toMatchObject({
      included_units: 100,
      used_units: 115,
      overage_units: 15,
      overage_usd: '0.500000',
      recorded_usd: '0.500000',
      difference_units: 0,
    })
    expect(await info()).toMatchObject({
      usage: { meters: { images: { limit: 100, used: 115, overage: 15 } } },
      overage: { meters: { images: { units: 15, amount_usd: '0.500000' } }, total_usd: '0.700000' },
    })
  })

  test('is an invoice item at Stripe', async () => {
    const { use, run, ledger, items, endsAt } = await world('stripe')
    await use({ images: 110 })
    await endsAt(Date.now() + 5 * MINUTE)
    await run()
    expect(await ledger()).toMatchObject([{ units: 10, amount: 400_000, cents: 40, state: 'sent' }])
    expect(await items()).toMatchObject([
      { description: "images: 10 above the plan's limit", metadata: { meter: 'images', units: '10' } },
    ])
  })
})
