/** Requests whose responses are lost or late: their units count once, whichever attempt arrives, and when. */
import { afterEach, expect, test, vi } from 'vitest'
import { breakStores, delayStores } from '../../support/broken-stores.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

const LIMIT = 1_000

async function begin() {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const limits = [
    { name: 'monthly', limit: LIMIT, period: 'month' },
    { name: 'hourly', limit: LIMIT, window_seconds: 3_600 },
    { name: 'calls', meter: 'api_calls', limit: LIMIT, window_seconds: 3_600 },
  ]
  const holder = await newKeyHolder({ limits })
  await setLimits(holder.organizationId, { rate_limit_per_minute: LIMIT, api_calls: 100_000 })
  return { ...holder, isolate: await newIsolate() }
}

type Verdict = Awaited<ReturnType<Awaited<ReturnType<typeof newIsolate>>['verify']>>

/** Units taken of each limit. */
const readTaken = ({ ratelimit, limits = {} }: Verdict) => [
  LIMIT - (ratelimit?.remaining ?? 0),
  ...['monthly', 'hourly', 'calls'].map((name) => LIMIT - Number(limits[name]?.remaining)),
]

const allEqual = (units: number) => [units, units, units, units]

test('when responses are lost, only the first request that notices it counts twice', async () => {
  const { key, isolate } = await begin()
  await isolate.verify(key)
  const lost = breakStores(['/redis'], 'lose')
  for (let at = 0; at < 20; at++) expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
  lost.mockRestore()
  expect(readTaken(await isolate.verify(key))).toEqual(allEqual(1 + 20 + 1 + 1))
  const again = breakStores(['/redis'], 'lose')
  for (let at = 0; at < 20; at++) await isolate.verify(key)
  again.mockRestore()
  expect(readTaken(await isolate.verify(key))).toEqual(allEqual(1 + 20 + 1 + 1 + 20 + 1))
  await isolate.settled()
})

test('when every other response is lost, each request counts once after the first loss', async () => {
  const { key, isolate } = await begin()
  await isolate.verify(key)
  const real = globalThis.fetch
  let count = 0
  const lossy = vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const response = await real(input, init)
    if (!String(input instanceof Request ? input.url : input).includes('/redis') || ++count % 2 === 0) return response
    await response.text()
    throw new TypeError('connection lost')
  })
  for (let at = 0; at < 30; at++) expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
  lossy.mockRestore()
  expect(readTaken(await isolate.verify(key))).toEqual(allEqual(1 + 30 + 1 + 1))
  await isolate.settled()
})

test.each(['before', 'after'])('requests that arrive %s their units are carried count once', async (when) => {
  const { key, isolate } = await begin()
  await isolate.verify(key)
  const broken = breakStores(['/redis'], 'refuse')
  await isolate.verify(key) // it notices
  broken.mockRestore()
  await isolate.verify(key)
  const late = delayStores(['/redis'])
  const alone = await Promise.all(Array.from({ length: 10 }, () => isolate.verify(key)))
  expect(alone.every(({ valid }) => valid)).toBe(true)
  if (when === 'before') await late.arrive()
  vi.restoreAllMocks()
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  expect(readTaken(await isolate.verify(key))).toEqual(allEqual(14))
  if (when === 'after') await late.arrive()
  expect(readTaken(await isolate.verify(key, { cost: 0 }))).toEqual(allEqual(14))
  await isolate.settled()
})

test('an idempotency key that was admitted while Redis was down counts once, wherever and whenever it is repeated', async () => {
  const { key, isolate } = await begin()
  const other = await newIsolate()
  await isolate.verify(key)
  const once = { cost: 5, idempotency_key: 'one' }
  const broken = breakStores(['/redis'], 'refuse')
  for (let repeat = 0; repeat < 2; repeat++) expect(await isolate.verify(key, once)).toMatchObject({ code: 'VALID' })
  await expect(isolate.verify(key, { ...once, cost: 6 })).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  expect(await isolate.verify(key, { ...once, idempotency_key: 'two' })).toMatchObject({ code: 'VALID' })
  broken.mockRestore()
  expect(await other.verify(key, { ...once, idempotency_key: 'two' })).toMatchObject({ code: 'VALID' })
  const taken = [11, 3, 3, 11] // a request takes one unit of a limit of requests
  expect(readTaken(await isolate.verify(key, once))).toEqual(taken)
  expect(readTaken(await other.verify(key, once))).toEqual(taken)
  await expect(other.verify(key, { ...once, cost: 6 })).rejects.toMatchObject({ code: 'idempotency_key_reused' })
  await Promise.all([isolate.settled(), other.settled()])
})
