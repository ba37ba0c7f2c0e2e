/** What a seller does with the client besides protecting an API: meters, prices, credits, purchases, corrections. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ConflictError, NotFoundError, Tollgate, type TollgateBinding } from '../../../packages/tollgate/src/index.ts'
import { type ClientWorld, startTollgate } from './world.ts'

let world: ClientWorld
let tollgate: Tollgate

beforeAll(async () => {
  world = await startTollgate({ sells: true })
  tollgate = new Tollgate({ baseUrl: world.url, serviceKey: world.serviceKey, timeoutMs: 30_000 })
})
afterAll(() => world.close())

/** Its id has characters that must be escaped in a path. */
async function customer() {
  const external_id = `a/b:ä ${crypto.randomUUID()}`
  const organization = await tollgate.customers.upsert({ external_id, name: 'Ada', email: 'ada@example.com' })
  const issued = await tollgate.keys.issue({ external_id, name: 'Key' })
  return { external_id, organization, issued }
}

const newSlug = () => `m_${crypto.randomUUID().slice(0, 8).replaceAll('-', '')}`

test('a meter is created, limited for one customer, reported, corrected, renamed, and deleted once nothing uses it', async () => {
  const { external_id, issued } = await customer()
  const slug = newSlug()
  const meter = await tollgate.meters.define({ slug, name: 'Images', unit: 'images', kind: 'counter' })
  const unused = await tollgate.meters.define({ slug: newSlug(), name: 'Pages', unit: 'pages', kind: 'counter' })

  const quotas = await tollgate.quotas.set({ external_id, meters: { [slug]: 10 } })
  await tollgate.usage.send([{ id: 'e1', key_id: issued.id, quantities: { [slug]: 4 } }])
  const verdict = await tollgate.keys.verify({ key: issued.key, quantities: { [slug]: 1 } })
  await tollgate.meters.update({ slug, name: 'Pictures' })
  await tollgate.meters.delete({ slug: unused.slug })

  expect(meter).toMatchObject({ slug, is_builtin: false, scale: 0 })
  expect(quotas.meters[slug]).toMatchObject({ limit: 10 })
  expect(verdict.quotas?.[slug]).toMatchObject({ used: 5, remaining: 5 })
  expect(await tollgate.meters.get({ slug })).toMatchObject({ name: 'Pictures', unit: 'images' })
  const slugs = new Set((await tollgate.meters.list()).data.map((one) => one.slug))
  expect([slugs.has(slug), slugs.has(unused.slug)]).toEqual([true, false])
  const again = tollgate.meters.define({ slug, name: 'Again', unit: 'images', kind: 'counter' })
  await expect(again).rejects.toBeInstanceOf(ConflictError)
  await expect(tollgate.meters.delete({ slug: 'tokens' })).rejects.toBeInstanceOf(ConflictError)
})

test('credits are granted, corrected, burned by usage and revoked, and every change is in the ledger', async () => {
  const { external_id, organization, issued } = await customer()
  const grant = await tollgate.credits.grant({
    external_id,
    amount: '5',
    reason: 'Welcome',
    priority: 3,
    source: 'refund',
  })
  await tollgate.credits.correct({ organization_id: organization.id, grant_id: grant.id, amount: '-1', reason: 'Slip' })
  await tollgate.usage.send([{ id: 'e1', key_id: issued.id, cost_usd: '1.50' }])
  await tollgate.credits.setLowBalance({ external_id, low_balance: '0.50' })

  const credits = await tollgate.credits.get({ external_id })
  expect(credits).toMatchObject({ balance: '2.500000', uses_credits: true, low_balance: '0.500000' })
  expect(credits.grants).toMatchObject([{ id: grant.id, priority: 3, source: 'refund', amount: '4.000000' }])

  await tollgate.credits.revoke({ external_id, grant_id: grant.id, reason: 'Left' })
  const first = await tollgate.credits.ledger({ external_id, limit: 3 })
  const rest = await tollgate.credits.ledger({ external_id, cursor: String(first.next_cursor) })
  expect([...first.data, ...rest.data].map(({ kind, amount }) => [kind, amount])).toEqual([
    ['revoke', '-2.500000'],
    ['burn', '-1.500000'],
    ['correct', '-1.000000'],
    ['grant', '5.000000'],
  ])
})

test('a grant whose response is lost is made once', async () => {
  const { external_id } = await customer()
  let sent = 0
  const flaky = new Tollgate({
    baseUrl: world.url,
    serviceKey: world.serviceKey,
    async fetch(request) {
      const response = await fetch(request)
      if (++sent > 1) return response
      await response.arrayBuffer()
      throw new TypeError('The connection broke after the server did its work.')
    },
  })

  await flaky.credits.grant({ external_id, amount: '2', reason: 'Welcome' })

  expect(sent).toBe(2)
  expect((await tollgate.credits.get({ external_id })).balance).toBe('2.000000')
})

test('a customer is led to buy credits, and its spend is capped', async () => {
  const { external_id } = await customer()
  const topUp = await tollgate.billing.topUp({ external_id, amount: '25', success_url: 'https://tollgate.test/paid' })
  expect(topUp).toMatchObject({ provider: 'stripe', amount: '25.00', url: expect.stringContaining('/checkout/') })
  await expect(tollgate.billing.checkout({ external_id, plan: 'no-such-plan' })).rejects.toMatchObject({
    errors: [{ path: 'body.plan' }],
  })

  await tollgate.billing.setSpendCap({ external_id, cost_usd: '7.5', action: 'block' })
  expect(await tollgate.billing.getSpendCap({ external_id })).toMatchObject({ cost_usd: '7.500000', action: 'block' })
  await tollgate.billing.setSpendCap({ external_id, cost_usd: null })
  expect((await tollgate.billing.getSpendCap({ external_id })).cost_usd).toBeNull()
})

test('a custom price is set, found, listed and deleted', async () => {
  const { external_id } = await customer()
  const model = `model-${crypto.randomUUID()}`
  const price = await tollgate.prices.set({ provider: '*', model, kind: 'input', usd_per_million: '2' })
  expect(await tollgate.prices.list({ model })).toMatchObject({ data: [{ id: price.id, usd_per_million: '2.000000' }] })
  expect((await tollgate.prices.find({ external_id, model })).data).toMatchObject([{ model }])
  await tollgate.prices.delete({ price_id: price.id })
  expect((await tollgate.prices.list({ model })).data).toEqual([])
  await expect(tollgate.prices.delete({ price_id: price.id })).rejects.toBeInstanceOf(NotFoundError)
})

test('open holds are listed by key, read and extended; a settled one is not found', async () => {
  const { external_id, issued } = await customer()
  const other = await tollgate.keys.issue({ external_id, name: 'Other' })
  const hold = async (key_id: string) => {
    const held = await tollgate.usage.reserve({ key_id, queries: 5, expires_in_seconds: 60 })
    if (!held.granted) throw new Error('The plan has queries.')
    return held
  }
  const mine = await hold(issued.id)
  await hold(other.id)
  const { reservation_id } = mine

  const { data } = await tollgate.usage.reservations({ external_id, key_id: issued.id })
  const extended = await tollgate.usage.extend({ reservation_id, expires_in_seconds: 600 })
  const read = await tollgate.usage.reservation({ reservation_id, external_id })
  await tollgate.usage.settle({ reservation_id, cancel: true })

  expect(data.map(({ id }) => id)).toEqual([reservation_id])
  expect(read).toMatchObject({ key_id: issued.id, held: { queries: 5 }, expires_at: extended.expires_at })
  expect(Date.parse(extended.expires_at)).toBeGreaterThan(Date.parse(mine.expires_at))
  await expect(tollgate.usage.reservation({ reservation_id, external_id })).rejects.toBeInstanceOf(NotFoundError)
})

test('an event is corrected, and use is read by subject, model and day until the subject is erased', async () => {
  const { external_id, issued } = await customer()
  await tollgate.usage.send([
    { id: 'e1', key_id: issued.id, subject: 'user-1', model: 'gpt-5', queries: 5 },
    { id: 'e2', key_id: issued.id, subject: 'user-2', queries: 1 },
  ])

  const corrected = await tollgate.usage.correct({ external_id, event_id: 'e1', queries: 3, reason: 'Counted twice' })
  const subjects = await tollgate.usage.subjects({ external_id, order: 'queries' })
  const models = await tollgate.usage.breakdown({ external_id, by: 'model' })
  const days = await tollgate.usage.timeseries({ external_id, interval: 'day' })
  await tollgate.usage.eraseSubject({ external_id, subject: 'user-1' })

  expect(corrected).toMatchObject({ outcome: 'corrected', event: { queries: 3 } })
  expect(subjects.data.map(({ subject, queries }) => [subject, queries])).toEqual([
    ['user-1', 3],
    ['user-2', 1],
  ])
  expect(models.data.find(({ value }) => value === 'gpt-5')).toMatchObject({ queries: 3 })
  expect(days.data.reduce((sum, { queries }) => sum + queries, 0)).toBe(4)
  const left = await tollgate.usage.subjects({ external_id })
  expect([left.data.map(({ subject }) => subject), left.erased?.queries]).toEqual([['user-2'], 3])
})

test('reading a key shows what is left of its limits', async () => {
  const { external_id } = await customer()
  const limit = { name: 'daily', meter: 'tokens', limit: 100, period: 'day' } as const
  const issued = await tollgate.keys.issue({ external_id, name: 'Limited', limits: [limit] })
  await tollgate.usage.send([{ key_id: issued.id, output_tokens: 30 }])

  expect(await tollgate.keys.get({ external_id, key_id: issued.id })).toMatchObject({ name: 'Limited' })
  const read = await tollgate.keys.limits({ external_id, key_id: issued.id })
  expect(read.limits.daily).toMatchObject({ meter: 'tokens', limit: 100, remaining: 70 })
})

test('over a service binding they are refused before anything is called', async () => {
  const bound = Tollgate.fromBinding({} as TollgateBinding)
  await expect(bound.credits.get({ external_id: 'any' })).rejects.toMatchObject({ code: 'not_over_binding' })
  await expect(bound.usage.reservations({ external_id: 'any' })).rejects.toMatchObject({ code: 'not_over_binding' })
})
