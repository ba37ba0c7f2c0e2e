import { afterEach, expect, test, vi } from 'vitest'
import { newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

test('a round trip to Redis above half of its timeout is logged, one below it is not', async () => {
  const lines: { event: string; ms: number; timeout_ms: number }[] = []
  vi.spyOn(console, 'warn').mockImplementation((line) => void lines.push(JSON.parse(String(line))))
  const { deps } = await newIsolate({ REDIS_TIMEOUT_MS: '10000' })
  await deps().redis.shared.ping()
  const real = Date.now
  let aheadMs = 0
  vi.spyOn(Date, 'now').mockImplementation(() => real() + aheadMs)
  const network = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const answer = await network(input, init)
    aheadMs += 5_001
    return answer
  })
  await deps().redis.shared.ping()
  const slow = lines.filter(({ event }) => event === 'redis_slow')
  expect(slow).toMatchObject([{ level: 'warn', timeout_ms: 10_000, count: 1 }])
  expect(slow[0]?.ms).toBeGreaterThan(5_000)
})
