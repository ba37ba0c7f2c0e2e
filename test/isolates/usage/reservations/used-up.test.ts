import { describe, expect, inject, test } from 'vitest'
import { defineMeters } from '../../../support/custom-meters.ts'
import { call, newKeyHolder, setLimits, verify } from '../../../support/http.ts'
import { NOWHERE, newIsolate } from '../../../support/isolate.ts'

const service = inject('credentials').service_key
const reserve = async (body: Record<string, unknown>) =>
  (await call('POST /api/v1/usage/reserve', { token: service, body })).body

async function holderThatUsed(limits: Record<string, number | string>, used: Record<string, unknown> = {}) {
  const holder = await newKeyHolder()
  await setLimits(holder.organizationId, limits)
  if (Object.keys(used).length > 0) {
    const event = { id: crypto.randomUUID(), key_id: holder.keyId, endpoint: '/v1/x', ...used }
    await call('POST /api/v1/usage', { token: service, body: { events: [event] } })
  }
  return { ...holder, asked: { key_id: holder.keyId } }
}

describe('an organization that has used up', () => {
  test.for([
    ['tokens', { tokens: 100 }, { input_tokens: 100 }, 0],
    ['queries', { queries: 2 }, { queries: 2 }, 0],
    ['cost_usd', { cost_usd: '1.00' }, { cost_usd: '1.00' }, '0.000000'],
  ] as const)('its %s cannot reserve anything else either', async ([meter, limits, used, none]) => {
    const { asked } = await holderThatUsed(limits, used)
    for (const other of [{ slots: 1 }, { api_calls: 1 }, { concepts: 1 }]) {
      const refused = await reserve({ ...asked, ...other })
      expect(refused).toMatchObject({ granted: false, code: 'QUOTA_EXCEEDED', refused_by: meter })
      expect(refused.exceeded).toMatchObject({ meter, requested: none, remaining: none })
      expect(refused.retry_after).toBeGreaterThan(0)
    }
  })

  test('its tokens is refused by an isolate that decides locally as well', async () => {
    const { asked } = await holderThatUsed({ tokens: 100 }, { input_tokens: 100 })
    const alone = await newIsolate({ UPSTASH_REDIS_REST_URL: NOWHERE })
    expect(await alone.reserve({ ...asked, slots: 1 })).toMatchObject({ granted: false, refused_by: 'tokens' })
  })

  test('a limit of zero never fits', async () => {
    const { asked } = await holderThatUsed({ tokens: 0 })
    expect(await reserve({ ...asked, slots: 1 })).toMatchObject({
      granted: false,
      refused_by: 'tokens',
      never_fits: true,
      retry_after: null,
    })
  })
})

describe('an organization that has something left', () => {
  test('can reserve after the verification that took the last call', async () => {
    const { key, asked } = await holderThatUsed({ api_calls: 1, tokens: 100 })
    expect((await verify(key)).body.code).toBe('VALID')
    expect((await verify(key)).body.code).toBe('QUOTA_EXCEEDED')
    expect(await reserve({ ...asked, tokens: 10 })).toMatchObject({ granted: true, held: { tokens: 10 } })
  })

  test('can reserve though a gauge is at its limit, and though another custom meter is used up', async () => {
    await defineMeters()
    const { asked } = await holderThatUsed({ concepts: 5 }, { concepts: 5, quantities: { images: 3 } })
    expect(await reserve({ ...asked, concepts: 1 })).toMatchObject({
      granted: false,
      refused_by: 'concepts',
      retry_after: null, // no period resets it
      exceeded: { resets_at: null, remaining: 0 },
    })
    expect(await reserve({ ...asked, tokens: 10 })).toMatchObject({ granted: true })
  })

  test('gets only the requested meters in the response', async () => {
    const { asked } = await holderThatUsed({ tokens: 100, queries: 2, cost_usd: '1.00' })
    const { held, quotas } = await reserve({ ...asked, queries: 1 })
    expect({ held, quotas: Object.keys(quotas) }).toEqual({ held: { queries: 1 }, quotas: ['queries'] })
  })
})
