/** Round trips of complete requests: those of a service that presents its own key. */
import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import { newKeyHolder } from '../../support/http.ts'
import { countTrips } from '../../support/isolate.ts'

/** For an isolate without cached keys. Later writes are not counted here: they are never due. */
async function newWorker() {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  vi.resetModules()
  const { app } = await import('../../../src/app.ts')
  const deferred: Promise<unknown>[] = []
  const context = {
    waitUntil: (work: Promise<unknown>) => void deferred.push(work),
    passThroughOnException: () => undefined,
    props: {},
  }
  async function verify(key: string) {
    const request = new Request('https://tollgate.test/api/v1/keys/verify', {
      method: 'POST',
      headers: { Authorization: `Bearer ${inject('credentials').service_key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ key }),
    })
    return (await (await app.fetch(request, env, context as never)).json()) as { code: string }
  }
  return { verify, settled: () => Promise.all(deferred) }
}

afterEach(() => void vi.useRealTimers())

describe('round trips over HTTP', () => {
  test('an isolate without either key cached queries Neon for both; then for each new key; then Redis alone', async () => {
    const [one, other] = [await newKeyHolder(), await newKeyHolder()]
    await (await newWorker()).verify(one.key) // from then on Redis knows the script
    const { verify } = await newWorker()
    const trips = (key: string) => countTrips(async () => expect(await verify(key)).toMatchObject({ code: 'VALID' }))
    expect(await trips(one.key)).toEqual({ sql: 2, redis: 1 })
    expect(await trips(other.key)).toEqual({ sql: 1, redis: 1 })
    expect(await trips(one.key)).toEqual({ sql: 0, redis: 1 })
  })

  test('a mistyped key queries nothing, however long the service was idle, until its own row is too old', async () => {
    const { key } = await newKeyHolder()
    const { verify, settled } = await newWorker()
    await verify(key)
    vi.advanceTimersByTime(1_000)
    await settled()
    const mistyped = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')
    for (const silentMs of [0, 1_200, 10_000]) {
      vi.advanceTimersByTime(silentMs)
      const trips = await countTrips(async () => expect(await verify(mistyped)).toMatchObject({ code: 'NOT_FOUND' }))
      expect(trips).toEqual({ sql: 0, redis: 0 })
    }
  })
})
