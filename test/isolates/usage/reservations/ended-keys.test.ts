import { describe, expect, inject, test } from 'vitest'
import { administrator, call, newKeyHolder } from '../../../support/http.ts'
import { newIsolate } from '../../../support/isolate.ts'

const token = inject('credentials').service_key

describe('no new reservation begins', () => {
  const keys = '/api/v1/auth/api-keys'
  test.each<[string, (holder: Awaited<ReturnType<typeof newKeyHolder>>) => Promise<unknown>]>([
    ['with a revoked key', ({ keyId, token: own }) => call(`DELETE ${keys}/${keyId}`, { token: own })],
    [
      'with a key that is switched off',
      ({ keyId, token: own }) => call(`PATCH ${keys}/${keyId}`, { token: own, body: { is_active: false } }),
    ],
    [
      'for a suspended organization',
      async ({ organizationId }) =>
        call(`PUT /api/v1/admin/organizations/${organizationId}/suspension`, {
          token: await administrator(),
          body: { suspended: true, reason: 'Abuse' },
        }),
    ],
  ])('%s, even if an isolate has it cached; the use may still be reported', async (_, change) => {
    const holder = await newKeyHolder()
    const { keyId: key_id } = holder
    const isolate = await newIsolate()
    expect(await isolate.reserve({ key_id, tokens: 10 })).toMatchObject({ granted: true })
    await change(holder)
    await expect(isolate.reserve({ key_id, tokens: 10 })).rejects.toMatchObject({ code: 'forbidden' })
    expect((await call('POST /api/v1/usage/reserve', { token, body: { key_id, tokens: 10 } })).body).toMatchObject({
      status: 403,
      code: 'forbidden',
    })
    const report = await call('POST /api/v1/usage', { token, body: { events: [{ id: 'late', key_id, queries: 1 }] } })
    expect(report.body).toMatchObject({ accepted: 1 })
  })

  test('with a key that has expired', async () => {
    const holder = await newKeyHolder({ expires_at: new Date(Date.now() + 90_000).toISOString() })
    const isolate = await newIsolate()
    expect(await isolate.reserve({ key_id: holder.keyId, tokens: 10 })).toMatchObject({ granted: true })
    isolate.advance(91_000)
    await expect(isolate.reserve({ key_id: holder.keyId, tokens: 10 })).rejects.toMatchObject({ code: 'forbidden' })
  })
})
