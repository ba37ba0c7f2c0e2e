/** Limits that a plan gives each of its keys, when the plan is changed. */
import { expect, inject, test } from 'vitest'
import { administrator, call, newKeyHolder } from '../../../support/http.ts'

const TOKENS = { name: 'tokens', meter: 'tokens', limit: 1_000, window_seconds: 60 }
const service = inject('credentials').service_key
const reserve = async (body: object) => (await call('POST /api/v1/usage/reserve', { token: service, body })).body

test('a changed plan binds reservations of every key at once, whichever key asks first', async () => {
  const token = await administrator()
  const id = `plan${crypto.randomUUID().slice(0, 8)}`
  const prices = [{ interval: 'month', currency: 'usd', amount_cents: 0 }]
  const limits = { rate_limit_per_minute: 100, max_api_keys: 10, meters: {}, key_limits: [TOKENS] }
  await call('POST /api/v1/admin/plans', { token, body: { id, name: 'Limited', prices, limits } })
  const { keyId, organizationId, token: owner } = await newKeyHolder()
  await call(`PUT /api/v1/admin/organizations/${organizationId}/plan`, { token, body: { plan: id } })
  const { body: other } = await call('POST /api/v1/auth/api-keys', { token: owner, body: { name: 'Other' } })
  for (const key_id of [keyId, other.id]) expect(await reserve({ key_id, tokens: 1 })).toMatchObject({ granted: true })
  const changed = { limits: { key_limits: [{ ...TOKENS, limit: 5 }] } }
  await call(`PATCH /api/v1/admin/plans/${id}`, { token, body: changed })
  for (const key_id of [keyId, other.id])
    expect(await reserve({ key_id, tokens: 5 })).toMatchObject({ granted: false, refused_by: 'tokens' })
})
