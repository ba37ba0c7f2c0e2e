import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Period, toMonth } from '../../../src/lib/period.ts'
import { quotaKey } from '../../../src/limits/limit-request.ts'
import { breakStores } from '../../support/broken-stores.ts'
import { newKeyHolder, setLimits } from '../../support/http.ts'
import { type Isolate, newIsolate } from '../../support/isolate.ts'

afterEach(() => vi.restoreAllMocks())

describe('while Neon fails', () => {
  test('a key that Redis confirms outlives the age of its row, and only the first request waits for the database', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const failures = () => warn.mock.calls.filter(([line]) => String(line).includes('key_not_reloaded')).length
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    await isolate.verify(key)
    await isolate.settled()
    breakStores(['/sql'])
    for (const [advance, tries] of [
      [20_000, 0],
      [6_000, 1],
      [1_000, 1],
      [20_000, 2],
      [0, 2],
    ] as const) {
      isolate.advance(advance)
      expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
      await vi.waitFor(() => expect(failures()).toBe(tries))
    }
    isolate.advance(26_000)
    await expect(isolate.verify(key)).rejects.toThrow() // nobody has confirmed its version for half a minute
    vi.restoreAllMocks()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })

  test('a key that Redis cannot confirm either is valid no longer than its row', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    await isolate.verify(key)
    await isolate.settled()
    breakStores(['/sql', '/redis'])
    isolate.advance(20_000)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' }) // decided locally: that confirms nothing
    isolate.advance(6_000)
    await expect(isolate.verify(key)).rejects.toThrow()
    vi.restoreAllMocks()
    await isolate.settled()
  })

  test('a cached key that Redis confirms is verified across the end of a usage period, and its new quota starts at zero', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    await setLimits(organizationId, { api_calls: 10 })
    const [isolate, other] = [await newIsolate(), await newIsolate()]
    await verifyAtEnd([isolate, other], key, 7)
    breakStores(['/sql'])
    for (const one of [isolate, other]) one.advance(11_000)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 1 } } })
    expect(await other.verify(key, { cost: 9 })).toMatchObject({ code: 'VALID', quotas: { api_calls: { used: 10 } } })
    expect(await isolate.verify(key)).toMatchObject({ code: 'QUOTA_EXCEEDED' })
    vi.restoreAllMocks()
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    for (const one of [isolate, other]) await one.settled()
    const report = { id: crypto.randomUUID(), organization_id: organizationId, api_calls: 5 }
    await isolate.report([{ ...report, timestamp: new Date(isolate.now()).toISOString() }])
    isolate.advance(26_000)
    expect(await isolate.verify(key, { cost: 0 })).toMatchObject({ quotas: { api_calls: { used: 15 } } })
    await isolate.settled()
  })

  test('a quota of the current period that Redis lost does not start without Postgres', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key, organizationId } = await newKeyHolder()
    const isolate = await newIsolate()
    const ended = await verifyAtEnd([isolate], key, 1)
    breakStores(['/sql'])
    isolate.advance(11_000)
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    const periods = [ended, toMonth(isolate.now())]
    await isolate
      .deps()
      .redis.of(organizationId)
      .del(...periods.map(({ name }) => quotaKey(organizationId, name)))
    await expect(isolate.verify(key)).rejects.toThrow()
    vi.restoreAllMocks()
    expect(await isolate.verify(key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })

  test('the first verification after an outage of Redis is decided from the cached row', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { key } = await newKeyHolder()
    const isolate = await newIsolate()
    await isolate.verify(key)
    const noRedis = breakStores(['/redis'])
    expect(await isolate.verify(key, { cost: 5 })).toMatchObject({ code: 'VALID' })
    await isolate.settled()
    noRedis.mockRestore()
    isolate.advance(10_000)
    breakStores(['/sql'])
    const [verdict] = await Promise.all([isolate.verify(key), isolate.verify(key)])
    expect(verdict).toMatchObject({ code: 'VALID' })
    vi.restoreAllMocks()
    await isolate.settled()
  })

  test('a cached key is still verified, and an unknown one is unavailable, never refused', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const [known, unknown] = [await newKeyHolder(), await newKeyHolder()]
    const isolate = await newIsolate()
    expect(await isolate.verify(known.key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
    vi.spyOn(globalThis, 'fetch').mockImplementation(failingSql(globalThis.fetch))
    expect(await isolate.verify(known.key)).toMatchObject({ code: 'VALID' })
    await expect(isolate.verify(unknown.key)).rejects.toSatisfy((error: Error) =>
      String((error as never as { sourceError: Error }).sourceError ?? error).includes('database'),
    )
    vi.restoreAllMocks()
    await isolate.settled()
    expect(await isolate.verify(unknown.key)).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })
})

/** Verifies ten seconds before the month ends. @returns the month */
async function verifyAtEnd(isolates: readonly Isolate[], key: string, cost: number): Promise<Period> {
  const month = toMonth((isolates[0] as Isolate).now())
  for (const isolate of isolates) {
    isolate.advance(month.end - isolate.now() - 10_000)
    await isolate.verify(key, { cost: isolate === isolates[0] ? cost : 0 })
    await isolate.settled()
  }
  return month
}

/** A network in which only the database is unreachable. */
function failingSql(real: typeof fetch): typeof fetch {
  return async (input, init) => {
    if ((input instanceof Request ? input.url : String(input)).includes('/sql'))
      throw new TypeError('connection refused')
    return real(input, init)
  }
}
