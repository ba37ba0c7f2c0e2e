import { afterEach, expect, test, vi } from 'vitest'
import { breakStores } from '../../support/broken-stores.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const CALLS = { name: 'calls', meter: 'api_calls', limit: 10, period: 'day' }
const TOKENS = { name: 'tokens', meter: 'tokens', limit: 100, window_seconds: 3_600 }

async function begin(fields: Record<string, unknown>) {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const holder = await newKeyHolder(fields)
  await setLimits(holder.organizationId, { rate_limit_per_minute: 100_000 })
  return { ...holder, isolate: await newIsolate() }
}

test('while Redis is down an isolate admits what was left at its last response, and Redis counts it afterwards', async () => {
  const { key, isolate } = await begin({ limits: [CALLS] })
  for (let at = 0; at < 4; at++) await isolate.verify(key)
  const broken = breakStores(['/redis'], 'refuse')
  const alone = []
  for (let at = 0; at < 8; at++) alone.push(await isolate.verify(key))
  expect(alone.filter(({ valid }) => valid)).toHaveLength(6)
  expect(alone.at(-1)).toMatchObject({ code: 'RATE_LIMITED', refused_by: 'calls' })
  broken.mockRestore()
  expect(await isolate.verify(key)).toMatchObject({
    valid: false,
    refused_by: 'calls',
    limits: { calls: { remaining: 0 } },
  })
  const other = await newIsolate()
  expect(await other.verify(key, { cost: 0 })).toMatchObject({ limits: { calls: { remaining: 0 } } })
})

test('units that an isolate admits while Redis is down reach every counter, however many requests took them', async () => {
  const daily = { name: 'daily', limit: 4_000, period: 'day' }
  const hourly = { name: 'hourly', limit: 5_000, window_seconds: 3_600 }
  const { key, isolate } = await begin({ limits: [daily, hourly, { ...CALLS, limit: 6_000 }] })
  await isolate.verify(key)
  const broken = breakStores(['/redis'], 'refuse')
  for (let at = 0; at < 150; at++) {
    const alone = await Promise.all(Array.from({ length: 10 }, () => isolate.verify(key)))
    expect(alone.every(({ valid }) => valid)).toBe(true)
  }
  broken.mockRestore()
  const left = { daily: 2_498, hourly: 3_498, calls: 4_498 }
  expect(await isolate.verify(key)).toMatchObject({
    ratelimit: { remaining: 98_498 },
    limits: Object.fromEntries(Object.entries(left).map(([name, remaining]) => [name, { remaining }])),
  })
  await isolate.settled()
})

test('while Redis is down reservations are granted by the last known figures of limits and slots', async () => {
  const { keyId: key_id, isolate } = await begin({ limits: [TOKENS], max_concurrent: 3 })
  expect(await isolate.reserve({ key_id, tokens: 60 })).toMatchObject({ granted: true })
  breakStores(['/redis'], 'refuse')
  expect(await isolate.reserve({ key_id, tokens: 41 })).toMatchObject({ granted: false, refused_by: 'tokens' })
  expect(await isolate.reserve({ key_id, tokens: 40 })).toMatchObject({ granted: true })
  expect(await isolate.reserve({ key_id, slots: 1 })).toMatchObject({ granted: true })
  expect(await isolate.reserve({ key_id, slots: 1 })).toMatchObject({ code: 'CONCURRENCY_EXCEEDED' })
})

const endings = [
  ['settled', { input_tokens: 10 }],
  ['canceled', { cancel: true }],
] as const

test.each(endings)('a reservation that is %s while Redis is down holds nothing any more', async (_, ending) => {
  const { keyId: key_id, key, organizationId, isolate } = await begin({ limits: [TOKENS], max_concurrent: 2 })
  await setLimits(organizationId, { rate_limit_per_minute: 100_000, tokens: 100 })
  await isolate.verify(key)
  const first = (await isolate.reserve({ key_id, tokens: 60 })) as { reservation_id: string }
  const broken = breakStores(['/redis'], 'refuse')
  await isolate.settle({ reservation_id: first.reservation_id, ...ending })
  for (let at = 1; at <= 3; at++) {
    const held = (await isolate.reserve({ key_id, tokens: 60 })) as { reservation_id: string }
    expect(held).toMatchObject({ granted: true })
    const settles = { reservation_id: held.reservation_id, ...ending }
    expect(await isolate.settle(settles)).toMatchObject({ released: true })
    expect(await isolate.settle(settles)).toMatchObject({ released: false })
  }
  const used = 'cancel' in ending ? 0 : 40
  expect(await isolate.reserve({ key_id, tokens: 101 - used })).toMatchObject({ granted: false })
  const last = (await isolate.reserve({ key_id, tokens: 100 - used })) as { reservation_id: string }
  expect(last).toMatchObject({ granted: true })
  await isolate.settle({ reservation_id: last.reservation_id, cancel: true })
  broken.mockRestore()
  expect(await isolate.verify(key, { cost: 0 })).toMatchObject({
    limits: { tokens: { remaining: 100 - used, held: 0 } },
    quotas: { tokens: { used, held: 0 } },
  })
  for (let slot = 0; slot < 2; slot++)
    expect(await isolate.reserve({ key_id, slots: 1 })).toMatchObject({ granted: true })
  await isolate.settled()
})

test('while Redis is down an idempotency key stands for one reservation, also after Redis is back', async () => {
  const { keyId: key_id, key, isolate } = await begin({ limits: [TOKENS] })
  await isolate.verify(key)
  const request = { key_id, tokens: 60, idempotency_key: 'one' }
  const broken = breakStores(['/redis'], 'refuse')
  const first = await isolate.reserve(request)
  expect(first).toMatchObject({ granted: true, held: { tokens: 60 } })
  const { reservation_id } = first as { reservation_id: string }
  expect(await isolate.reserve(request)).toMatchObject({ granted: true, reservation_id, held: { tokens: 60 } })
  await expect(isolate.reserve({ ...request, tokens: 20 })).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  expect(await isolate.reserve({ key_id, tokens: 41 })).toMatchObject({ granted: false })
  broken.mockRestore()
  await expect(isolate.reserve({ ...request, tokens: 20 })).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  expect(await isolate.reserve(request)).toMatchObject({ granted: true, reservation_id })
  expect(await isolate.verify(key, { cost: 0 })).toMatchObject({ limits: { tokens: { held: 60 } } })
  await isolate.settle({ reservation_id, cancel: true })
  await expect(isolate.reserve(request)).rejects.toMatchObject({ code: 'reservation_closed' })
  await isolate.settled()
})

test('a reservation that only its isolate knows can be extended', async () => {
  const { keyId: key_id, key, organizationId, isolate } = await begin({ max_concurrent: 1 })
  await isolate.verify(key)
  breakStores(['/redis'], 'refuse')
  const { reservation_id } = (await isolate.reserve({ key_id, slots: 1, expires_in_seconds: 60 })) as never
  const { extendReservation } = await isolate.load(() => import('../../../src/usage/reservations/open-holds.ts'))
  const { expires_at } = await extendReservation(isolate.deps(), { reservation_id, expires_in_seconds: 300 }, null)
  expect(Date.parse(expires_at)).toBeGreaterThan(isolate.now() + 200_000)
  isolate.advance(100_000)
  expect(await isolate.reserve({ organization_id: organizationId, key_id, slots: 1 })).toMatchObject({
    code: 'CONCURRENCY_EXCEEDED',
  })
})

test('a reservation that was extended before Redis went down is still open in its isolate', async () => {
  const { keyId: key_id, key, isolate } = await begin({ limits: [TOKENS] })
  await isolate.verify(key)
  const request = { key_id, tokens: 100, expires_in_seconds: 60, idempotency_key: 'one' }
  const { reservation_id } = (await isolate.reserve(request)) as { reservation_id: string }
  const { extendReservation } = await isolate.load(() => import('../../../src/usage/reservations/open-holds.ts'))
  await extendReservation(isolate.deps(), { reservation_id, expires_in_seconds: 300 }, null)
  breakStores(['/redis'], 'refuse')
  isolate.advance(100_000)
  expect(await isolate.reserve(request)).toMatchObject({ granted: true, reservation_id })
  await isolate.settle({ reservation_id, cancel: true })
  expect(await isolate.reserve({ key_id, tokens: 100 })).toMatchObject({ granted: true })
  await isolate.settled()
})

test('units that an isolate admits while Redis is down count before Redis grants the next reservation', async () => {
  const { keyId: key_id, key, isolate } = await begin({ limits: [CALLS] })
  await isolate.verify(key)
  const broken = breakStores(['/redis'], 'refuse')
  for (let at = 0; at < 8; at++) expect(await isolate.verify(key)).toMatchObject({ valid: true })
  broken.mockRestore()
  expect(await isolate.reserve({ key_id, api_calls: 2 })).toMatchObject({ granted: false, refused_by: 'calls' })
  expect(await isolate.reserve({ key_id, api_calls: 1 })).toMatchObject({ granted: true })
  await isolate.settled()
})

test('usage reported while Redis is down counts once Redis is back', async () => {
  const { keyId: key_id, key, isolate } = await begin({ limits: [TOKENS] })
  await isolate.verify(key)
  const { reservation_id } = (await isolate.reserve({ key_id, tokens: 30 })) as { reservation_id: string }
  const broken = breakStores(['/redis'], 'lose')
  expect(await isolate.settle({ reservation_id, key_id, input_tokens: 20 })).toMatchObject({ outcome: 'settled' })
  broken.mockRestore()
  await isolate.settle({ reservation_id, key_id, input_tokens: 20 })
  const [left] = [await isolate.verify(key, { cost: 0 })]
  expect(left).toMatchObject({ limits: { tokens: { remaining: 80, held: 0 } } })
})

const BUDGET = { name: 'budget', meter: 'cost_usd', limit: '10.00', period: 'month' }

test.each(['refuse', 'lose'] as const)(
  'usage reported while Redis is down (%s) counts in the isolate, and in Redis before the first decision after it is back',
  async (how) => {
    const { keyId: key_id, key, isolate } = await begin({ limits: [TOKENS, BUDGET] })
    await isolate.verify(key)
    const { reservation_id } = (await isolate.reserve({ key_id, tokens: 30 })) as { reservation_id: string }
    const broken = breakStores(['/redis'], how)
    await isolate.report([{ id: crypto.randomUUID(), key_id, input_tokens: 40, cost_usd: '4.00' }])
    await isolate.settle({ reservation_id, key_id, input_tokens: 25, cost_usd: '1.00' })
    const alone = await isolate.verify(key)
    expect(alone).toMatchObject({ limits: { budget: { remaining: '5.000000' } } })
    broken.mockRestore()
    const left = { tokens: { remaining: 35, held: 0 }, budget: { remaining: '5.000000' } }
    expect(await isolate.verify(key)).toMatchObject({ limits: left })
    await isolate.settle({ reservation_id, key_id, input_tokens: 25, cost_usd: '1.00' })
    await isolate.settled() // deferred work retried it
    expect(await (await newIsolate()).verify(key)).toMatchObject({ limits: left })
  },
)

test('if an isolate dies before Redis is back, its usage is missing in windows, and in periods until their reseed', async () => {
  const { keyId: key_id, key, isolate } = await begin({ limits: [TOKENS] })
  await isolate.verify(key)
  const broken = breakStores(['/redis'], 'refuse')
  await isolate.report([{ id: crypto.randomUUID(), key_id, input_tokens: 40 }])
  isolate.die()
  broken.mockRestore()
  const other = await newIsolate()
  expect(await other.verify(key)).toMatchObject({ limits: { tokens: { remaining: 100 } } })
})
