/** A plan that goes on without credits, as isolates see it. */
import { afterEach, expect, test, vi } from 'vitest'
import { breakStores } from '../../support/broken-stores.ts'
import { newPricedHolder, readCharges } from '../../support/call-prices.ts'
import { countTrips, type Isolate, NOWHERE, newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

async function world(amount: string, at_no_credits: 'block' | 'allow') {
  const holder = await newPricedHolder('0.01', amount)
  const { key, changePlan } = holder
  if (at_no_credits === 'allow') await changePlan({ at_no_credits })
  const isolate = await newIsolate()
  /** How many of so many verifications at once are let through. */
  const admit = async (count: number, by: Isolate = isolate) =>
    (await Promise.all(Array.from({ length: count }, () => by.verify(key)))).filter(({ valid }) => valid).length
  return { ...holder, isolate, admit }
}

test('it takes no further round trip, and calls are spent from leases beyond the balance', async () => {
  const { key, isolate, admit, organizationId, credits } = await world('0.10', 'allow')
  await isolate.verify(key)
  await isolate.settled() // its event is written
  expect(await countTrips(() => isolate.verify(key))).toEqual({ redis: 1, sql: 0 })
  const { redis } = await countTrips(async () => expect(await admit(298)).toBe(298))
  expect(redis).toBeLessThan(298) // some were leased
  await isolate.settled()
  expect(await readCharges(organizationId)).toMatchObject({ charged: '3', calls: 300 })
  expect(await credits()).toMatchObject({ balance: '0.000000', owed: '0.000000' })
})

test('every isolate hears of a change of the plan within two seconds, and together they admit what a later grant pays for', async () => {
  const { key, isolate, admit, changePlan, grant } = await world('0.05', 'block')
  const isolates = [isolate, await newIsolate(), await newIsolate()]
  expect(await admit(10)).toBe(5)
  for (const one of isolates) expect(await one.verify(key)).toMatchObject({ code: 'CREDITS_EXHAUSTED' })
  await changePlan({ at_no_credits: 'allow' })
  const passes = (one: Isolate, valid: boolean) =>
    vi.waitFor(async () => expect((await one.verify(key)).valid).toBe(valid), { timeout: 5_000, interval: 50 })
  for (const one of isolates) await passes(one, true)
  for (const one of isolates) expect(await admit(20, one)).toBe(20)
  for (const one of isolates) await one.settled()
  await changePlan({ at_no_credits: 'block' })
  for (const one of isolates) await passes(one, false)
  await grant('0.50')
  const parts = await Promise.all(isolates.map((one) => admit(40, one)))
  let admitted = parts.reduce((sum, part) => sum + part, 0)
  expect(admitted).toBeLessThanOrEqual(50)
  for (const one of isolates) await one.settled() // what was leased and not spent is given back
  while ((await isolate.verify(key)).valid) admitted += 1
  expect(admitted).toBe(50)
})

test('while Redis fails, calls go on beyond the balance, and count once afterwards', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { admit, isolate, organizationId, changePlan, grant, key } = await world('0.05', 'allow')
  expect(await admit(10)).toBe(10)
  const broken = breakStores(['/redis'])
  expect(await admit(10)).toBe(10)
  broken.mockRestore()
  expect(await admit(5)).toBe(5)
  await isolate.settled()
  expect(await readCharges(organizationId)).toMatchObject({ charged: '0.25', calls: 25 })
  await changePlan({ at_no_credits: 'block' })
  await grant('0.03')
  await vi.waitFor(async () => expect((await isolate.verify(key)).valid).toBe(true), { timeout: 5_000 })
  expect(await admit(10)).toBe(2)
})

test('while Redis fails, even a reservation without a cost is refused if no credits are left', async () => {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { keyId: key_id, grant, spend } = await world('1.00', 'block')
  await spend('1.00')
  const reserve = async () => (await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })).reserve({ key_id, queries: 1 })
  expect(await reserve()).toMatchObject({ granted: false, code: 'CREDITS_EXHAUSTED' })
  await grant('0.01')
  expect(await reserve()).toMatchObject({ granted: true })
})
