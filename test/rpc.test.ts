import { exports } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { newKeyHolder } from './support/http.ts'

test('another Worker verifies a key without credentials, and gets the verdict that HTTP gives', async () => {
  const { key, keyId, organizationId } = await newKeyHolder({ metadata: { tier: 'gold' } })
  const verdict = await exports.Tollgate.verifyKey({ key, cost: 3 })
  expect(verdict).toMatchObject({
    valid: true,
    code: 'VALID',
    key_id: keyId,
    organization_id: organizationId,
    plan: 'free',
    metadata: { tier: 'gold' },
    ratelimit: { limit: 60, remaining: 57 },
    quotas: { api_calls: { used: 3, remaining: 99_997 } },
  })
})

test.each([
  [undefined, 'body'],
  [{}, 'body.key'],
  [{ key: 'k', cost: -1 }, 'body.cost'],
  [{ key: 'k', cost: Number.NaN }, 'body.cost'],
  [{ key: 'k', scopes: 'all' }, 'body.scopes'],
])('bad input %j is data that names the field, not an exception', async (input, path) => {
  const failure = await exports.Tollgate.verifyKey(input)
  expect(failure).toMatchObject({ valid: false, code: 'INVALID_REQUEST', problem: { status: 400, errors: [{ path }] } })
})
