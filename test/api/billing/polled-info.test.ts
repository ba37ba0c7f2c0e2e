import { afterEach, expect, test, vi } from 'vitest'
import { enforceRateLimits } from '../../../src/limits/endpoint-limits.ts'
import { directly } from '../../support/direct.ts'
import { call } from '../../support/http.ts'
import { managementDeps } from '../../support/management.ts'
import { newCustomer } from '../../support/payments.ts'
import { urlOf } from '../../support/shop.ts'

afterEach(() => vi.restoreAllMocks())

/** Counts the requests to a provider from now on. */
function watch(provider: string) {
  const spy = vi.spyOn(globalThis, 'fetch')
  return () => spy.mock.calls.filter(([input]) => urlOf(input).includes(`/${provider}/`)).length
}

test('polling the billing page calls the provider once, and again after a change', async () => {
  const { buy, readInfo: info, post } = await newCustomer('stripe')
  await buy('pro')
  const asked = watch('stripe')
  const first = await info()
  const once = asked()
  expect(once).toBeGreaterThan(0)
  expect(await info()).toEqual(first)
  expect(asked()).toBe(once)

  expect((await post('cancel')).status).toBe(200)
  const changed = asked()
  expect(await info()).toMatchObject({ subscription: { cancel_at_period_end: true }, next_charge: null })
  expect(asked()).toBeGreaterThan(changed)
})

test('an organization may read its billing page 60 times a minute', async () => {
  const { token, organizationId } = await newCustomer()
  const deps = managementDeps(directly())
  const units = Array.from({ length: 60 }, () => enforceRateLimits(deps, { billing_read: { account: organizationId } }))
  await Promise.all(units)
  expect(await call('GET /api/v1/auth/billing/info', { token })).toMatchObject({
    status: 429,
    body: { code: 'rate_limited' },
  })
})
