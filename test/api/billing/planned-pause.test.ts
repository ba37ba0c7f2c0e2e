import { expect, test } from 'vitest'
import { act, newCustomer } from '../../support/payments.ts'

/** A customer of Polar whose subscription will be paused at the end of its period. */
async function pausing() {
  const customer = await newCustomer('polar')
  await customer.buy('pro')
  const { id } = await customer.subscription()
  expect(await act('polar', { act: 'plan_pause', subscription: id })).toBe(204)
  await customer.arrive()
  return { ...customer, id: id as string }
}

test('a pause planned at Polar for the end of the period is shown, and there is no next charge', async () => {
  const { info } = await pausing()
  expect(await info()).toMatchObject({
    status: 'active',
    plan: { id: 'pro' },
    subscription: { pause_at_period_end: true, cancel_at_period_end: false },
    next_charge: null,
  })
})

test('POST /api/v1/billing/resume revokes a pause that is planned at Polar', async () => {
  const { info, post, subscription } = await pausing()
  expect(await post('resume')).toMatchObject({ status: 200, body: { status: 'active', pause_at_period_end: false } })
  expect(await subscription()).toMatchObject({ status: 'active', pauseAtPeriodEnd: false })
  expect(await info()).toMatchObject({
    subscription: { pause_at_period_end: false },
    next_charge: expect.anything(),
  })
})

test('a planned pause begins when the period ends, and resuming ends it', async () => {
  const { id, post, arrive, info } = await pausing()
  await act('polar', { act: 'advance', subscription: id })
  await arrive()
  expect(await info()).toMatchObject({ status: 'paused' })
  expect(await post('resume')).toMatchObject({ status: 200, body: { status: 'active', pause_at_period_end: false } })
})
