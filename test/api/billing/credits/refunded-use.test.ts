import { expect, test } from 'vitest'
import { newBuyer } from '../../../support/buyers.ts'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { administrator, call } from '../../../support/http.ts'

/** A buyer of $10 who used $8 of it, was paid back, and whose use is then corrected. */
async function newRefunded(provider: 'polar' | 'stripe') {
  const buyer = await newBuyer(provider, '10.00')
  const { organizationId: organization_id, token, arrive, refund } = buyer
  await arrive()
  const event = { id: crypto.randomUUID(), organization_id, endpoint: '/x', cost_usd: '8.00' }
  expect((await call('POST /api/v1/usage', { token, body: { events: [event] } })).status).toBe(200)
  await refund()
  await arrive()
  expect(await listLedger(organization_id)).toEqual(['grant 10', 'burn -8', 'refund -2'])
  const operator = await administrator()
  const correct = (fields: object) =>
    call('POST /api/v1/usage/corrections', {
      token: operator,
      body: { organization_id, event_id: event.id, reason: 'A test', ...fields },
    })
  const shortfall = async () => {
    const [row] = await directly().sql.query(
      'select trim_scale(shortfall)::text as short, trim_scale(taken_back)::text as taken from credit_purchases where organization_id = $1',
      [organization_id],
    )
    return row
  }
  return { ...buyer, correct, shortfall }
}

test.each(['polar', 'stripe'] as const)(
  '%s: credits of a refunded purchase do not come back when their use is corrected, until the refund fails',
  async (provider) => {
    const { organizationId, correct, credits, shortfall, happen, arrive } = await newRefunded(provider)
    expect((await correct({ cost_usd: '5.00' })).status).toBe(200)
    expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
    expect(await shortfall()).toEqual({ short: '5', taken: '5' })
    expect((await correct({ void: true })).status).toBe(200)
    expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
    expect(await shortfall()).toEqual({ short: '0', taken: '10' })
    const ledger = await listLedger(organizationId)
    expect(ledger.slice(3).toSorted()).toEqual(['refund -3', 'refund -5', 'return 3', 'return 5'])
    await happen('fail_refund')
    await arrive()
    expect(await credits()).toMatchObject({ balance: '10.000000', owed: '0.000000' })
    expect(await shortfall()).toEqual({ short: '0', taken: '0' })
  },
)

test('what was not refunded comes back', async () => {
  const buyer = await newBuyer('stripe', '10.00')
  const { organizationId: organization_id, token, arrive, refund, credits } = buyer
  await arrive()
  const event = { id: crypto.randomUUID(), organization_id, endpoint: '/x', cost_usd: '8.00' }
  await call('POST /api/v1/usage', { token, body: { events: [event] } })
  await refund(500)
  await arrive()
  expect(await credits()).toMatchObject({ balance: '0.000000' })
  const body = { organization_id, event_id: event.id, reason: 'A test', void: true }
  await call('POST /api/v1/usage/corrections', { token: await administrator(), body })
  expect(await credits()).toMatchObject({ balance: '5.000000' })
})
