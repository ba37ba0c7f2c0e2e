import { describe, expect, test } from 'vitest'
import { act, newCustomer } from '../../support/payments.ts'

describe.each(['polar', 'stripe'] as const)('GET /api/v1/auth/billing/info at %s', (provider) => {
  async function world(...acts: readonly string[]) {
    const customer = await newCustomer(provider)
    await customer.buy('starter')
    const { id } = await customer.subscription()
    const happen = async (what: string) => {
      expect(await act(provider, { act: what, subscription: id })).toBe(204)
      await customer.arrive()
    }
    for (const what of acts) await happen(what)
    return { ...customer, happen }
  }

  test('a pause is ended by resuming, and every other refusal says so', async () => {
    const { post, info } = await world('pause')
    expect(await info()).toMatchObject({ plan: { id: 'free' }, status: 'paused' })
    const refused = await post('checkout', { plan: 'pro', provider })
    expect([refused.body.code, refused.body.detail]).toEqual([
      'already_subscribed',
      expect.stringContaining('/billing/resume'),
    ])
    const change = await post('change', { plan: 'pro' })
    expect([change.body.code, change.body.detail]).toEqual([
      'subscription_paused',
      expect.stringContaining('/billing/resume'),
    ])
    expect(await post('resume')).toMatchObject({ status: 200, body: { status: 'active', plan: 'starter' } })
    expect((await info()).plan.id).toBe('starter')
    expect((await post('resume')).status).toBe(200)
    expect((await post('change', { plan: 'pro' })).body.plan).toBe('pro')
  })

  test('a pause planned for the end of the period is resumed completely', async () => {
    const { post, info } = await world('pause')
    expect((await post('cancel')).body).toMatchObject({ status: 'paused', cancel_at_period_end: true })
    expect((await post('resume')).body).toMatchObject({ status: 'active', cancel_at_period_end: false })
    expect((await info()).plan.id).toBe('starter')
  })

  test('an unpaid subscription is paid in the portal, and neither resumed nor changed', async () => {
    const { post, info, happen } = await world('fail_payment', 'give_up')
    expect(await info()).toMatchObject({ plan: { id: 'free' }, status: 'unpaid' })
    for (const [what, body, code] of [
      ['checkout', { plan: 'pro', provider }, 'already_subscribed'],
      ['change', { plan: 'pro' }, 'payment_open'],
      ['resume', {}, 'payment_open'],
    ] as const) {
      const answer = await post(what, body)
      expect([answer.status, answer.body.code]).toEqual([409, code])
      expect(answer.body.detail).toContain('/billing/portal')
    }
    expect((await post('portal')).status).toBe(201)
    await happen('mend_card')
    expect(await info()).toMatchObject({ plan: { id: 'starter' }, status: 'active' })
  })

  test('a past-due subscription is paid, not resumed; its cancellation can be undone', async () => {
    const { post } = await world('fail_payment')
    const answer = await post('resume')
    expect([answer.body.code, answer.body.detail]).toEqual(['payment_open', expect.stringContaining('/billing/portal')])
    expect((await post('checkout', { plan: 'pro', provider })).body.detail).toContain('/billing/portal')
    expect((await post('cancel')).body.cancel_at_period_end).toBe(true)
    expect(await post('resume')).toMatchObject({
      status: 200,
      body: { cancel_at_period_end: false, status: 'past_due' },
    })
  })
})
