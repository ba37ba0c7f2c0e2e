/** Plans, and what customers do with them, with the client and a paid provider. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LOCAL_PRODUCTS } from '../../../local/stack/payments/products.ts'
import { ConflictError, NotFoundError, Tollgate } from '../../../packages/tollgate/src/index.ts'
import { operate } from '../../../packages/tollgate/src/operator.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate

beforeAll(async () => {
  world = await startTollgate({ sells: true })
  tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, timeoutMs: 30_000 })
})
afterAll(() => world.close())

test('a plan is created, offered, changed into a new version, and deleted once nobody is on it', async () => {
  const plan_id = `p-${crypto.randomUUID().slice(0, 8)}`
  await tollgate.plans.create({
    id: plan_id,
    name: 'Club',
    prices: [{ interval: 'month', currency: 'usd', amount_cents: 500 }],
    limits: { rate_limit_per_minute: 60, max_api_keys: 3, meters: { queries: { limit: 500, at_limit: 'block' } } },
  })
  const changed = await tollgate.plans.update({ plan_id, name: 'The club', limits: { rate_limit_per_minute: 7 } })

  expect(changed).toMatchObject({
    id: plan_id,
    name: 'The club',
    limits: { rate_limit_per_minute: 7, max_api_keys: 3 },
  })
  expect((await tollgate.plans.list()).data.map(({ id }) => id)).toContain(plan_id)
  expect((await tollgate.plans.versions({ plan_id })).data.map(({ id }) => id)).toContain(plan_id)
  expect(await tollgate.plans.move({ plan_id, when: 'now' })).toMatchObject({ moved: 0, failed: [] })
  expect((await tollgate.plans.offered()).data.map(({ id }) => id)).toContain('pro')
  await tollgate.plans.delete({ plan_id })
  await expect(tollgate.plans.get({ plan_id })).rejects.toBeInstanceOf(NotFoundError)
  await expect(tollgate.plans.delete({ plan_id: 'free' })).rejects.toBeInstanceOf(ConflictError)
})

/** Sells a plan at a price of the local provider. */
const sell = (plan_id: 'builder' | 'pro', amount_cents: number) =>
  tollgate.plans.update({
    plan_id,
    prices: [
      {
        interval: 'month',
        currency: 'usd',
        amount_cents,
        stripe_price_id: LOCAL_PRODUCTS[plan_id]?.stripePriceId ?? '',
      },
    ],
  })

/** Pays like the page's button, and delivers the outcome to the Worker. */
async function pay(checkout: string, organizationId: string): Promise<void> {
  const path = new URL(checkout).pathname
  await fetch(`${world.stackUrl}${path}`, { method: 'POST', redirect: 'manual' })
  const answer = await fetch(`${world.stackUrl}/stripe/state?organization=${organizationId}`)
  const { events } = (await answer.json()) as { events: { body: string; headers: Record<string, string> }[] }
  for (const { body, headers } of events)
    await fetch(`${world.url}/api/v1/webhooks/stripe`, { method: 'POST', body, headers })
}

test('a customer buys a plan, previews and makes a change, cancels, resumes, and is led to its invoices', async () => {
  await sell('builder', 1_900)
  await sell('pro', 4_900)
  const external_id = crypto.randomUUID()
  const { id } = await tollgate.customers.upsert({ external_id, name: 'Ada', email: 'ada@example.com' })
  const checkout = await tollgate.billing.checkout({ external_id, plan: 'builder', provider: 'stripe' })
  await pay(checkout.url, id)

  expect(await tollgate.billing.info({ external_id })).toMatchObject({ plan: { id: 'builder' }, status: 'active' })
  const preview = await tollgate.billing.preview({ external_id, plan: 'pro' })
  expect(preview).toMatchObject({ plan: 'pro', when: 'now' })
  expect(await tollgate.billing.change({ external_id, plan: 'pro' })).toMatchObject({ plan: 'pro' })
  expect(await tollgate.billing.cancel({ external_id })).toMatchObject({ cancel_at_period_end: true })
  expect(await tollgate.billing.resume({ external_id })).toMatchObject({ cancel_at_period_end: false })
  expect(await tollgate.billing.portal({ external_id })).toMatchObject({ provider: 'stripe' })
  expect((await tollgate.billing.overage({ external_id })).data).toEqual(expect.any(Array))

  const operator = operate(tollgate)
  const subscriptions = await operator.billing.subscriptions({ external_id })
  expect(subscriptions.data).toMatchObject([{ organization_id: id, status: 'active', plan: 'pro' }])
  const seen: string[] = []
  for await (const event of operator.billing.events({ external_id, limit: 1 })) seen.push(event.type)
  expect(seen).toContain('customer.subscription.created')
  const { data } = await operator.billing.events({ external_id })
  expect(await operator.billing.replayEvent({ event_id: data[0]?.id ?? '' })).toMatchObject({ type: data[0]?.type })
  expect(await operator.billing.overage({ external_id })).toMatchObject({ data: [] })
  expect(await operator.billing.drift()).toEqual(expect.any(Object))
})
