import { afterEach, expect, test, vi } from 'vitest'
import { reconcileBilling } from '../../../../src/billing/reconcile/job.ts'
import { newBuyer } from '../../../support/buyers.ts'
import { listLedger } from '../../../support/credits.ts'
import { directly } from '../../../support/direct.ts'
import { act } from '../../../support/payments.ts'
import { auditOf, reconcileAlone, urlOf } from '../../../support/shop.ts'

const PROVIDERS = ['polar', 'stripe'] as const
const DAY = 24 * 3_600_000
const LISTS = /\/v1\/(orders|checkout\/sessions)\/?\?/
const real = globalThis.fetch

afterEach(() => vi.restoreAllMocks())

test.each(PROVIDERS)(
  'credits that were paid at %s are granted once even if the webhook never comes',
  async (provider) => {
    const { organizationId, credits, arrive } = await newBuyer(provider, '12.50')
    const twice = async (deps: Parameters<typeof reconcileBilling>[0]) => {
      const runs = await Promise.all([reconcileBilling(deps), reconcileBilling(deps)])
      return { granted: runs.reduce((sum, { top_ups }) => sum + Number(top_ups), 0) }
    }
    expect(await reconcileAlone(directly(), organizationId, { run: twice })).toEqual({ granted: 1 })
    expect(await credits()).toMatchObject({ balance: '12.500000' })
    await arrive()
    expect(await reconcileAlone(directly(), organizationId)).toMatchObject({ top_ups: 0 })
    expect(await listLedger(organizationId)).toEqual(['grant 12.5'])
    const bought = (await auditOf(organizationId)).find(({ action }) => action === 'billing.credits_purchased')
    expect(bought?.detail.because).toBe('reconcile-billing')
  },
)

test.each(PROVIDERS)('credits that %s refunded are taken back even if the webhook never comes', async (provider) => {
  const { organizationId, credits, arrive, refund } = await newBuyer(provider, '10.00')
  await arrive()
  await refund(400)
  expect(await reconcileAlone(directly(), organizationId)).toMatchObject({ top_ups: 1 })
  expect(await credits()).toMatchObject({ balance: '6.000000' })
  await arrive()
  expect(await reconcileAlone(directly(), organizationId)).toMatchObject({ top_ups: 0 })
  expect(await listLedger(organizationId)).toEqual(['grant 10', 'refund -4'])
})

test.each(PROVIDERS)('payments of %s older than two weeks are left to their events', async (provider) => {
  const { organizationId, credits } = await newBuyer(provider)
  const later = { ...directly(), now: () => Date.now() + 15 * DAY }
  await reconcileAlone(later, organizationId)
  expect(await credits()).toMatchObject({ uses_credits: provider === 'polar' }) // its newest page is read completely
})

test.each(PROVIDERS)('a list of payments that %s refuses is logged and does not stop the rest', async (provider) => {
  const { organizationId, buy, subscription } = await newBuyer(provider)
  await buy('starter')
  await act(provider, { act: 'cancel_now', subscription: (await subscription()).id })
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const refusing: typeof real = async (input, init) =>
    LISTS.test(urlOf(input)) ? Response.json({}, { status: 403 }) : real(input, init)
  expect(await reconcileAlone(directly(), organizationId, { real: refusing })).toMatchObject({
    repaired: 1,
    top_ups: 0,
  })
  expect(errors.mock.calls.flat().join()).toContain('top_ups_not_reconciled')
})

test.each(PROVIDERS)('a malformed payment of %s is named and does not stop the others', async (provider) => {
  const { organizationId, credits } = await newBuyer(provider)
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const odd = { id: 'odd-1', metadata: { kind: 'credits', org_id: organizationId }, status: 7, payment_status: 7 }
  const adding: typeof real = async (input, init) => {
    const response = await real(input, init)
    if (!LISTS.test(urlOf(input))) return response
    const { items, data, ...rest } = (await response.json()) as Record<string, object[]>
    return Response.json({ ...rest, [items ? 'items' : 'data']: [odd, ...(items ?? data ?? [])] })
  }
  expect(await reconcileAlone(directly(), organizationId, { real: adding })).toMatchObject({ top_ups: 1 })
  expect(await credits()).toMatchObject({ balance: '25.000000' })
  expect(errors.mock.calls.flat().join()).toContain('odd-1')
})

test.each(PROVIDERS)(
  'a payment at %s for a deleted organization is not reported again every hour',
  async (provider) => {
    const { organizationId } = await newBuyer(provider)
    await directly().sql.query('delete from organizations where id = $1', [organizationId])
    const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(await reconcileAlone(directly(), organizationId)).toMatchObject({ top_ups: 0 })
    expect(errors).not.toHaveBeenCalled()
  },
)
