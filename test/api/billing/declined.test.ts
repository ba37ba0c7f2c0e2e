import { afterEach, describe, expect, test, vi } from 'vitest'
import { act, newCustomer, shopState } from '../../support/payments.ts'
import { bodyOf, urlOf } from '../../support/shop.ts'

const real = globalThis.fetch
afterEach(() => vi.restoreAllMocks())

/** Loses the first request about a subscription that contains this text, or its response. */
function lose(what: 'request' | 'answer', id: string, says: string): void {
  let isLost = false
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (isLost || !urlOf(input).includes(id) || !bodyOf(init).includes(says)) return real(input, init)
    isLost = true
    if (what === 'answer') await real(input, init)
    throw new TypeError('The connection was lost.')
  })
}

const NEXT = { plan: 'builder', pending_plan: 'starter' }

describe.each(['polar', 'stripe'] as const)('a change at %s that does not come about', (provider) => {
  async function world() {
    const customer = await newCustomer(provider)
    await customer.buy('builder')
    const { id, customer: payer } = await customer.subscription()
    expect((await customer.post('change', { plan: 'starter' })).body).toMatchObject(NEXT)
    const card = (what: 'refuse_card' | 'accept_card') => act(provider, { act: what, customer: payer.id })
    const paid = async () =>
      (await shopState(provider)).orders
        .filter(({ subscriptionId }) => subscriptionId === id)
        .map(({ cents }) => cents as number)
    return { ...customer, id: id as string, card, paid }
  }

  /** The planned change exists here and at the provider, and takes effect. */
  async function requirePlanned({ info, arrive, subscription, paid, id }: Awaited<ReturnType<typeof world>>) {
    expect((await info()).subscription).toMatchObject(NEXT)
    await arrive()
    expect((await info()).subscription).toMatchObject(NEXT)
    expect((await subscription()).pending).not.toBeNull()
    const before = await paid()
    await act(provider, { act: 'advance', subscription: id })
    await arrive()
    expect((await info()).plan.id).toBe('starter')
    const [renewal] = (await paid()).slice(before.length)
    expect(renewal).toBeLessThan(before[0] ?? 0)
  }

  test('because the card is declined keeps the planned change', async () => {
    const made = await world()
    await made.card('refuse_card')
    const { status, body } = await made.post('change', { plan: 'pro' })
    expect([status, body.code]).toEqual([402, 'payment_failed'])
    await made.card('accept_card')
    await requirePlanned(made)
  })

  test('because the request never arrived keeps the planned change', async () => {
    const made = await world()
    lose('request', made.id, 'invoice')
    expect((await made.post('change', { plan: 'pro' })).body.code).toBe('billing_unavailable')
    await requirePlanned(made)
  })

  test('takes effect only as far as its outcome is known when the request is answered', async () => {
    const { id, post, info, arrive } = await world()
    lose('answer', id, 'invoice')
    expect((await post('change', { plan: 'pro' })).body.code).toBe('billing_unavailable')
    expect(await info()).toMatchObject({ plan: { id: 'pro' }, subscription: { pending_plan: null } })
    await arrive()
    expect(await info()).toMatchObject({ plan: { id: 'pro' }, subscription: { pending_plan: null } })
  })

  test('because a cancellation never arrived keeps the planned change', async () => {
    const made = await world()
    lose('request', made.id, 'cancel_at_period_end')
    expect((await made.post('cancel')).body.code).toBe('billing_unavailable')
    await requirePlanned(made)
  })
})
