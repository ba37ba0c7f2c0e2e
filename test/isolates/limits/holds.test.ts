import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { toMonth } from '../../../src/lib/period.ts'
import { holdsKey, quotaKey } from '../../../src/limits/limit-request.ts'
import { drainUsageSpool } from '../../../src/metering/spool.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { failFor } from '../../support/faults.ts'
import { call, eventually, newKeyHolder, setLimits } from '../../support/http.ts'
import { countTrips, newIsolate } from '../../support/isolate.ts'
import { readQuota } from '../../support/quota.ts'

afterEach(() => vi.restoreAllMocks())

const PERIOD = toMonth(Date.now()).name
const isolate = await newIsolate()
const redis = () => isolate.deps().redis.shared

/** An organization that may use 1,000 tokens, and a reservation of 800 of them. */
async function holding() {
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { organizationId: organization_id, keyId: key_id } = await newKeyHolder()
  await setLimits(organization_id, { tokens: 1_000 })
  const canceled = await isolate.reserve({ key_id, tokens: 1 })
  await isolate.settle({ ...idOf(canceled), cancel: true }) // now Redis has the script of a release
  const used = { ...idOf(await isolate.reserve({ key_id, tokens: 800 })), input_tokens: 700 }
  async function counted() {
    const { tokens, 'held:tokens': held } = await readQuota(redis(), quotaKey(organization_id, PERIOD))
    return { tokens, 'held:tokens': held }
  }
  expect(await counted()).toEqual({ tokens: 0, 'held:tokens': 800 })
  return { organization_id, used, counted }
}

const idOf = (reserved: object) => ({ reservation_id: 'reservation_id' in reserved ? reserved.reservation_id : '' })

describe('a settled hold', () => {
  test('ends in the same step in which its use counts, even if the first try failed', async () => {
    const { organization_id, used, counted } = await holding()
    await failFor(quotaKey(organization_id, PERIOD), { door: 'redis', kind: 'status', value: 500, count: 1 })
    const trips = await countTrips(async () => {
      expect(await isolate.settle(used)).toEqual({ outcome: 'settled', released: true })
    })
    expect(trips.redis).toBe(3) // the look-up of the hold, and the step twice
    expect(await counted()).toEqual({ tokens: 700, 'held:tokens': 0 })
  })

  test('is never counted in addition to its use', async () => {
    const { used, counted } = await holding()
    const seen: number[] = []
    const look = async () => {
      const { tokens = 0, 'held:tokens': held = 0 } = (await counted()) as Record<string, number>
      seen.push(tokens + held)
    }
    const isSettled = isolate.settle(used).then(() => true)
    do await look()
    while (!(await Promise.race([isSettled, Promise.resolve(false)])))
    expect(new Set([...seen, 800, 700])).toEqual(new Set([800, 700]))
  })

  test('stays while its use waits in the spool, and ends in the step in which that counts', async () => {
    const { used, counted } = await holding()
    breakStores(['/sql'])
    expect(await isolate.settle(used)).toEqual({ outcome: 'spooled', released: false })
    vi.restoreAllMocks()
    const drained = async () => {
      await drainUsageSpool(isolate.deps()) // or a test in another process does
      return counted()
    }
    const written = await eventually(drained, (now) => now?.tokens === 700)
    expect(written).toMatchObject({ 'held:tokens': 0 })
    expect(await isolate.settle(used)).toEqual({ outcome: 'duplicate', released: false })
    expect(await counted()).toEqual({ tokens: 700, 'held:tokens': 0 })
  })
})

describe('an organization', () => {
  test('has at most 5,000 open holds, and room again as soon as they expire', async () => {
    const { organizationId: organization_id } = await newKeyHolder()
    const expires = Date.now() + 60_000
    const others = Array.from({ length: 4_999 }, (_, at) => [`other ${at}`, { expires, amounts: {} }])
    await redis().hset(holdsKey(organization_id, PERIOD), Object.fromEntries(others))
    const last = { organization_id, queries: 1, expires_in_seconds: 60, idempotency_key: 'the last one' }
    const granted = await isolate.reserve(last)
    expect(granted).toMatchObject({ granted: true })
    const refused = await call('POST /api/v1/usage/reserve', {
      token: inject('credentials').service_key,
      body: { organization_id, queries: 1 },
    })
    expect(refused).toMatchObject({ status: 429, body: { code: 'too_many_reservations' } })
    expect(refused.headers.get('Retry-After')).toBe('10')
    expect(await isolate.reserve(last)).toMatchObject(idOf(granted))
    isolate.advance(60_000)
    expect(await isolate.reserve({ organization_id, queries: 1 })).toMatchObject({ granted: true })
    expect(await redis().hlen(holdsKey(organization_id, PERIOD))).toBe(1)
  })
})
