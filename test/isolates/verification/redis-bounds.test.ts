/** How far limits can be exceeded while Redis responds but cannot write, and when it loses everything under load. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { toWindowKey } from '../../../src/limits/admission.ts'
import { holdsKey, quotaKey } from '../../../src/limits/limit-request.ts'
import { refuseWrites } from '../../support/broken-stores.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { type Isolate, newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

async function holderWith(limits: Record<string, number>) {
  const holder = await newKeyHolder()
  await setLimits(holder.organizationId, limits)
  return holder
}

/** How many of this many concurrent verifications are admitted. */
async function admit(isolate: Isolate, key: string, count: number): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: count }, () => isolate.verify(key)))
  return verdicts.filter(({ code }) => code === 'VALID').length
}

/** What FLUSHALL does to one organization: the counters of its month, its holds, and the window of one key. */
async function flush(isolate: Isolate, organizationId: string, keyId: string) {
  const { name } = toMonth(Date.now())
  await isolate
    .deps()
    .redis.shared.del(quotaKey(organizationId, name), holdsKey(organizationId, name), toWindowKey(keyId))
}

const PLENTY = 100_000

describe.each(['full', 'read_only'] as const)('while Redis is %s', (why) => {
  test.each([
    ['rate limit', { rate_limit_per_minute: 30, api_calls: PLENTY }],
    ['quota', { rate_limit_per_minute: PLENTY, api_calls: 30 }],
  ])('an isolate admits what was left of the %s at its last response, and no more after that', async (_, limits) => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key } = await holderWith(limits)
    const isolate = await newIsolate()
    expect(await admit(isolate, key, 10)).toBe(10)
    const broken = refuseWrites(why)
    expect(await admit(isolate, key, 40)).toBe(20)
    broken.mockRestore()
    expect(await admit(isolate, key, 10)).toBe(0) // local admissions were added to the counters first
    await isolate.settled()
  })

  test('nothing is refused because of it, and the usage is recorded', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await holderWith({ rate_limit_per_minute: PLENTY, api_calls: PLENTY })
    const isolate = await newIsolate()
    refuseWrites(why)
    expect(await admit(isolate, key, 5)).toBe(5)
    await isolate.settled()
    const rows = await isolate
      .deps()
      .sql.query('select sum(api_calls)::int as used from usage_totals where organization_id = $1', [organizationId])
    expect(rows).toEqual([{ used: 5 }])
  })
})

describe('when Redis is flushed', () => {
  test('a window starts over: at most twice the rate limit is admitted', async () => {
    const { key, keyId, organizationId } = await holderWith({ rate_limit_per_minute: 20, api_calls: PLENTY })
    const isolate = await newIsolate()
    const before = await admit(isolate, key, 30)
    await flush(isolate, organizationId, keyId)
    const after = await admit(isolate, key, 30)
    expect(before).toBe(20)
    expect(after).toBeGreaterThan(0)
    expect(after).toBeLessThanOrEqual(20)
    await isolate.settled()
  })

  test('a quota is exceeded by at most what Postgres did not have yet', async () => {
    const { key, keyId, organizationId } = await holderWith({ rate_limit_per_minute: PLENTY, api_calls: 30 })
    const isolate = await newIsolate()
    expect(await admit(isolate, key, 12)).toBe(12)
    await isolate.settled() // these are written
    const unwritten = await admit(isolate, key, 8)
    await flush(isolate, organizationId, keyId)
    const after = await admit(isolate, key, 60)
    expect(12 + unwritten + after).toBeLessThanOrEqual(30 + unwritten)
    await isolate.settled()
    expect(await admit(isolate, key, 5)).toBe(0)
  })

  test('a lost reservation frees what it held, and its settlement still counts', async () => {
    const { key, keyId, organizationId } = await holderWith({ rate_limit_per_minute: PLENTY, tokens: 1_000 })
    const isolate = await newIsolate()
    const held = await isolate.reserve({ key_id: keyId, tokens: 600 })
    expect(held).toMatchObject({ granted: true, held: { tokens: 600 } })
    expect(await isolate.reserve({ key_id: keyId, tokens: 600 })).toMatchObject({ granted: false })
    await flush(isolate, organizationId, keyId)
    expect(await isolate.reserve({ key_id: keyId, tokens: 600 })).toMatchObject({ granted: true })
    const reservation_id = 'reservation_id' in held ? held.reservation_id : ''
    expect(await isolate.settle({ reservation_id, output_tokens: 600 })).toMatchObject({
      outcome: 'settled',
      released: false,
    })
    expect(await isolate.verify(key)).toMatchObject({ quotas: { tokens: { used: 600 } } })
    await isolate.settled()
  })
})
