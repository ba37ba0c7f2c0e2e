import { expect, inject, test } from 'vitest'
import { call, newKeyHolder } from '../../support/http.ts'

const token = inject('credentials').service_key

test('a replaced correction can be made again and counts again; repeating the latest one changes nothing', async () => {
  const holder = await newKeyHolder({
    limits: [{ name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 3_600 }],
  })
  const { keyId: key_id, organizationId: organization_id, key } = holder
  const event = { id: 'twice', key_id, input_tokens: 300 }
  await call('POST /api/v1/usage?durability=sync', { token, body: { events: [event] } })
  const correct = async (fields: object) =>
    (
      await call('POST /api/v1/usage/corrections', {
        token,
        body: { event_id: 'twice', organization_id, reason: 'Duplicate', ...fields },
      })
    ).body.outcome
  const used = async () => {
    const { body } = await call('GET /api/v1/quotas', { token: holder.token })
    const verdict = (await call('POST /api/v1/keys/verify', { token, body: { key, cost: 0 } })).body
    return [body.meters.tokens.used, 1_000 - verdict.limits.tokens.remaining]
  }
  expect(await used()).toEqual([300, 300])
  for (const [fields, left] of [
    [{ void: true }, 0],
    [{ input_tokens: 300 }, 300],
    [{ void: true }, 0],
    [{ input_tokens: 300 }, 300],
  ] as const) {
    expect(await correct(fields)).toBe('corrected')
    expect(await used()).toEqual([left, left])
    expect(await correct(fields)).toBe('duplicate')
    expect(await used()).toEqual([left, left])
  }
})
