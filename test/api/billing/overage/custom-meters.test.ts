/** Overage of meters of one's own, at both providers, through the same ledger. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { sendMeteredUsage } from '../../../../src/billing/overage/job.ts'
import { uuidv7 } from '../../../../src/lib/uuid.ts'
import { writeUsage } from '../../../../src/metering/write.ts'
import { defineMeters } from '../../../support/custom-meters.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'
import { directlyAt, fullLook, MINUTE, overageWorld } from '../../../support/overage.ts'
import { shopState } from '../../../support/payments.ts'

vi.setConfig({ testTimeout: 30_000 })
beforeAll(defineMeters)
/** Other tests buy the same plan. */
afterAll(async () => {
  const gone = { images: null, audio_seconds: null }
  const changes = { limits: { meters: gone }, overage: gone }
  await call('PATCH /api/v1/admin/plans/builder', { token: await token, body: changes })
})

const token = administrator()

/** An organization on `builder`, whose plan sells images above 100 and seconds above 2.5. */
async function world(provider: 'polar' | 'stripe') {
  const changes = {
    limits: {
      meters: { images: { limit: 100, at_limit: 'allow' }, audio_seconds: { limit: 2.5, at_limit: 'allow' } },
    },
    overage: {
      images: {
        tiers: [
          { up_to: 10, unit_price_usd: '0.04' },
          { up_to: null, unit_price_usd: '0.02' },
        ],
      },
      audio_seconds: { tiers: [{ up_to: null, unit_price_usd: '0.10' }] },
    },
  }
  const changed = await call('PATCH /api/v1/admin/plans/builder', { token: await token, body: changes })
  expect(changed.status).toBe(200)
  const made = await overageWorld(provider)
  const use = (quantities: Record<string, number>) =>
    writeUsage(directly(), [
      {
        id: uuidv7(Date.now()),
        organization_id: made.organizationId,
        occurred_at: new Date().toISOString(),
        quantities,
      },
    ])
  return { ...made, use, run: () => sendMeteredUsage(directlyAt(provider), fullLook()) }
}

describe('overage of a meter of one’s own', () => {
  test('is told to Polar once, by the whole unit, and the ledger and the bill have it', async () => {
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

  test('is an item of the invoice at Stripe', async () => {
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
