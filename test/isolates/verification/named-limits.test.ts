import { describe, expect, test } from 'vitest'
import { call, newKeyHolder } from '../../support/http.ts'
import { newIsolate } from '../../support/isolate.ts'

const DAY = 86_400

async function keyWith(...limits: { name: string; limit: number; window_seconds: number; cost?: number }[]) {
  const holder = await newKeyHolder({ limits })
  const isolate = await newIsolate()
  return { ...holder, isolate, verify: isolate.verify.bind(isolate, holder.key) }
}

describe('named limits of a key', () => {
  test('are checked with the rate limit: all or nothing is consumed, and the refusal names the limit', async () => {
    const { verify, isolate } = await keyWith(
      { name: 'reports', limit: 12, window_seconds: 60 },
      { name: 'monthly', limit: 20, window_seconds: 30 * DAY, cost: 5 },
    )
    for (const left of [15, 10, 5]) expect(await verify()).toMatchObject({ limits: { monthly: { remaining: left } } })
    expect(await verify({ limits: { monthly: 6 } })).toMatchObject({
      valid: false,
      code: 'RATE_LIMITED',
      refused_by: 'monthly',
      ratelimit: { remaining: 57 },
      limits: { reports: { limit: 12, remaining: 9 }, monthly: { limit: 20, remaining: 5 } },
      quotas: { api_calls: { used: 3 } },
    })
    expect(await verify({ limits: { reports: 10 } })).toMatchObject({ refused_by: 'reports' })
    expect(await verify({ cost: 58 })).toMatchObject({ refused_by: 'ratelimit', limits: { monthly: { remaining: 5 } } })
    const never = { code: 'RATE_LIMITED', never_fits: true }
    expect(await verify({ limits: { reports: 13 } })).toMatchObject({
      ...never,
      refused_by: 'reports',
      limits: { reports: { remaining: 9, resets_at: null }, monthly: { resets_at: expect.any(String) } },
    })
    expect(await verify({ cost: 61 })).toMatchObject({ ...never, ratelimit: { remaining: 57, resets_at: null } })
    expect(await verify({ limits: { reports: 10 } })).not.toHaveProperty('never_fits')
    expect(await verify({ limits: { reports: 9 } })).toMatchObject({
      code: 'VALID',
      limits: { reports: { remaining: 0 }, monthly: { remaining: 0 } },
    })
    await isolate.settled()
  })

  test('with cost 0 count only for requests that name them; a read consumes nothing', async () => {
    const { verify, isolate } = await keyWith({ name: 'exports', limit: 2, window_seconds: 3_600, cost: 0 })
    expect(await verify()).toMatchObject({ code: 'VALID', limits: { exports: { remaining: 2 } } })
    expect(await verify({ limits: { exports: 2 } })).toMatchObject({
      code: 'VALID',
      limits: { exports: { remaining: 0 } },
    })
    expect(await verify({ limits: { exports: 1 } })).toMatchObject({ code: 'RATE_LIMITED', refused_by: 'exports' })
    expect(await verify()).toMatchObject({ code: 'VALID' })
    expect(await verify({ cost: 0 })).toMatchObject({ code: 'VALID', ratelimit: { remaining: 57 } })
    await isolate.settled()
  })

  test('are free again after their own window, at most a thirtieth of it later', async () => {
    const { verify, isolate } = await keyWith({ name: 'daily', limit: 3, window_seconds: DAY })
    const verdicts = [await verify(), await verify(), await verify(), await verify()]
    expect(verdicts.map(({ code }) => code)).toEqual(['VALID', 'VALID', 'VALID', 'RATE_LIMITED'])
    isolate.advance((DAY - 60) * 1000)
    expect(await verify()).toMatchObject({ refused_by: 'daily' })
    isolate.advance((60 + DAY / 30) * 1000)
    expect(await verify()).toMatchObject({ code: 'VALID' })
    await isolate.settled()
  })

  test('never admit more than the limit to three concurrent isolates', async () => {
    const { key } = await newKeyHolder({ limits: [{ name: 'few', limit: 7, window_seconds: 600 }] })
    const isolates = [await newIsolate(), await newIsolate(), await newIsolate()]
    const verdicts = await Promise.all(isolates.flatMap((one) => Array.from({ length: 12 }, () => one.verify(key))))
    expect(verdicts.filter(({ valid }) => valid)).toHaveLength(7)
    await Promise.all(isolates.map((one) => one.settled()))
  })

  test('are changed like the rest of a key, and apply at the next round trip', async () => {
    const { verify, isolate, keyId, token } = await keyWith({ name: 'few', limit: 1, window_seconds: 600 })
    await verify()
    expect(await verify()).toMatchObject({ refused_by: 'few' })
    const patched = await call(`PATCH /api/v1/auth/api-keys/${keyId}`, {
      token,
      body: { limits: [{ name: 'few', limit: 2, window_seconds: 600 }] },
    })
    expect(patched.body.limits).toEqual([{ name: 'few', limit: 2, window_seconds: 600, cost: 1 }])
    expect(await verify()).toMatchObject({ code: 'VALID', limits: { few: { limit: 2, remaining: 0 } } })
    await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body: { limits: [] } })
    expect(await verify()).not.toHaveProperty('limits')
    await isolate.settled()
  })

  test.each([
    [
      'two of one name',
      [
        { name: 'a', limit: 1, window_seconds: 1 },
        { name: 'a', limit: 2, window_seconds: 1 },
      ],
      'body.limits',
    ],
    ['the name of the rate limit', [{ name: 'ratelimit', limit: 1, window_seconds: 1 }], 'body.limits.0.name'],
    ['more than 31 days', [{ name: 'a', limit: 1, window_seconds: 31 * DAY + 1 }], 'body.limits.0.window_seconds'],
    ['no units', [{ name: 'a', limit: 0, window_seconds: 1 }], 'body.limits.0.limit'],
  ])('are refused with %s, naming the field', async (_, limits, path) => {
    const { token } = await sharedHolder()
    const answer = await call('POST /api/v1/auth/api-keys', { token, body: { name: 'x', limits } })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ path }] } })
  })
})

let shared: ReturnType<typeof newKeyHolder> | undefined
const sharedHolder = () => {
  shared ??= newKeyHolder()
  return shared
}

test('a named limit with another window starts over, and may have any name', async () => {
  const { verify, isolate, keyId, token } = await keyWith({ name: 'constructor', limit: 2, window_seconds: 60 })
  await verify()
  expect(await verify({ limits: {} })).toMatchObject({ limits: { constructor: { remaining: 0 } } })
  const longer = { limits: [{ name: 'constructor', limit: 2, window_seconds: DAY }] }
  await call(`PATCH /api/v1/auth/api-keys/${keyId}`, { token, body: longer })
  const { limits } = await verify()
  expect(limits?.constructor).toMatchObject({ limit: 2, remaining: 1 })
  await isolate.settled()
})
