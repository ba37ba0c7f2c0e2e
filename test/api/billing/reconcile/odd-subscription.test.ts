import { afterEach, expect, test, vi } from 'vitest'
import { providerNamed } from '../../../../src/billing/providers/configured.ts'
import { findDrift } from '../../../../src/billing/reconcile/drift.ts'
import { systemDeps } from '../../../../src/db/system-deps.ts'
import { directly } from '../../../support/direct.ts'
import { newPayer } from '../../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

test('a subscription that cannot be compared is logged and does not stop the others', async () => {
  const deps = systemDeps(directly())
  const [one, other] = [await newPayer('polar'), await newPayer('polar')]
  const polar = providerNamed(deps.config, 'polar')
  if (!polar) throw new Error('Polar is not configured')
  const provider = {
    ...polar,
    async listSubscriptions(cursor?: string) {
      const page = await polar.listSubscriptions(cursor)
      const subscriptions = page.subscriptions.map((found) =>
        found.id === one.subscriptionId ? { ...found, items: null as never } : found,
      )
      return { ...page, subscriptions }
    },
  }
  const spy = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const { drifts } = await findDrift(deps, provider)
  const findKind = (id: string) => drifts.find(({ subscriptionId }) => subscriptionId === id)?.kind
  expect([findKind(one.subscriptionId), findKind(other.subscriptionId)]).toEqual(['unreadable', 'missing_here'])
  expect(spy.mock.calls.map(([line]) => JSON.parse(String(line)))).toContainEqual(
    expect.objectContaining({ event: 'subscription_not_compared', subscription_id: one.subscriptionId }),
  )
})
