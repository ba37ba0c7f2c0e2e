import * as openid from 'openid-client'
import { describe, expect, test, vi } from 'vitest'
import { newServiceKey } from '../../support/customers.ts'
import { call, newKeyHolder, verify } from '../../support/http.ts'
import { fetchIt } from '../../support/mcp.ts'
import { granted, post } from '../../support/oauth.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const ask = (client_id: string | undefined, client_secret: string | undefined, more: object = {}) =>
  post('token', { grant_type: 'client_credentials', client_id, client_secret, ...more })

describe('an API key is client credentials', () => {
  test.each([
    ['client_secret_basic', openid.ClientSecretBasic],
    ['client_secret_post', openid.ClientSecretPost],
  ] as const)('for openid-client by %s, and the token is the key', async (_, Auth) => {
    const { key, keyId } = await newKeyHolder({ scopes: ['reports:read', 'reports:write'] })
    const options = { [openid.customFetch]: fetchIt, algorithm: 'oauth2' } as openid.DiscoveryRequestOptions
    const config = await openid.discovery(new URL('https://tollgate.test'), keyId, {}, Auth(key), options)
    const tokens = await openid.clientCredentialsGrant(config, { scope: 'reports:read' })
    expect(tokens.access_token).toBe(key)
    expect(tokens.scope).toBe('reports:read reports:write')
    expect(tokens.refresh_token).toBeUndefined()
  })

  test('with its own expiry, or none', async () => {
    const expiring = await newKeyHolder({ expires_at: new Date(Date.now() + 3_600_000).toISOString() })
    const { body } = await ask(expiring.keyId, expiring.key)
    expect(body.expires_in).toBeGreaterThan(3_500)
    const lasting = await newKeyHolder()
    expect((await ask(lasting.keyId, lasting.key)).body).not.toHaveProperty('expires_in')
  })

  test('for a back end as well', async () => {
    const { id, key } = await newServiceKey('platform:verify')
    expect((await ask(id, key)).body.scope).toBe('platform:verify')
  })

  test('only with its own id, complete, active, and for scopes that it has', async () => {
    const [one, other] = [await newKeyHolder(), await newKeyHolder()]
    for (const [id, secret] of [
      [other.keyId, one.key],
      [one.keyId, `${one.key.slice(0, -2)}xx`],
      [one.keyId, undefined],
      [undefined, one.key],
    ] as const)
      expect((await ask(id, secret)).body.error).toBe('invalid_client')
    expect((await ask(one.keyId, one.key, { scope: 'reports:read' })).body.error).toBe('invalid_scope')
    await call(`DELETE /api/v1/auth/api-keys/${other.keyId}`, { token: other.token })
    expect((await ask(other.keyId, other.key)).body.error).toBe('invalid_client')
  })

  test('and counts no usage, and an application’s token is not accepted as one', async () => {
    const { exchange } = await granted()
    const { access_token: token } = (await exchange()).body
    const { key_id: id } = (await verify(token)).body
    expect((await ask(id, token)).body.error).toBe('unauthorized_client')
    const { key, keyId } = await newKeyHolder()
    await ask(keyId, key)
    const { body } = await call('GET /api/v1/quotas', { token: key })
    expect(body.meters.api_calls.used).toBe(0)
  })

  test('and introspection describes the token that it got, as long as the key is valid', async () => {
    const expires_at = new Date(Date.now() + 3_600_000).toISOString()
    const one = await newKeyHolder({ scopes: ['reports:read'], expires_at })
    const { access_token: token } = (await ask(one.keyId, one.key)).body
    const { key: by } = await newServiceKey('platform:verify')
    const introspect = async (shown: string) =>
      (await post('introspect', { token: shown }, { Authorization: `Bearer ${by}` })).body
    expect(await introspect(token)).toEqual({
      active: true,
      scope: 'reports:read',
      client_id: one.keyId,
      token_type: 'Bearer',
      exp: Math.floor(Date.parse(expires_at) / 1_000),
      iat: expect.any(Number),
      sub: one.keyId,
      iss: 'https://tollgate.test',
      jti: one.keyId,
      organization_id: one.user.organization_id,
    })
    const [lasting, local] = [await newKeyHolder(), await newKeyHolder({ allowed_ips: ['192.0.2.1'] })]
    expect(await introspect(lasting.key)).not.toHaveProperty('exp')
    expect(await introspect(local.key)).toEqual({ active: false })
    await call(`DELETE /api/v1/auth/api-keys/${one.keyId}`, { token: one.token })
    expect(await introspect(token)).toEqual({ active: false })
  })

  test('and for no resource in particular', async () => {
    const { key, keyId } = await newKeyHolder()
    const refused = await ask(keyId, key, { resource: 'https://mcp.example.com/mcp' })
    expect([refused.status, refused.body.error]).toEqual([400, 'invalid_target'])
  })
})
