import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import { OAuthProtectedResourceMetadataSchema } from '@modelcontextprotocol/sdk/shared/auth.js'
import * as openid from 'openid-client'
import { describe, expect, test, vi } from 'vitest'
import guide from '../../../docs/guides/oauth.md?raw'
import { parseOAuthScopes } from '../../../src/config-oauth.ts'
import { readMetadata } from '../../../src/oauth/clients/metadata.ts'
import { call, newUser, verify } from '../../support/http.ts'
import { fetchIt } from '../../support/mcp.ts'
import { agree, granted, newApplication, newProvider, post, REDIRECT, register } from '../../support/oauth.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const SERVER = 'https://tollgate.test'

describe('an application', () => {
  test('with the official MCP client discovers, registers, asks for consent, and refreshes', async () => {
    const person = await newUser()
    const { provider, kept } = newProvider('reports:read')
    const options = { serverUrl: SERVER, scope: 'reports:read', fetchFn: fetchIt }
    expect(await auth(provider, options)).toBe('REDIRECT')
    const back = await agree(kept.url, person)
    expect(back.searchParams.get('state')).toBe('a state')
    const authorizationCode = back.searchParams.get('code') ?? ''
    expect(await auth(provider, { ...options, authorizationCode })).toBe('AUTHORIZED')
    const first = kept.tokens.access_token
    expect((await verify(first, { scopes: ['reports:read'] })).body.valid).toBe(true)
    expect(await auth(provider, options)).toBe('AUTHORIZED') // by the refresh token
    expect(kept.tokens.access_token).not.toBe(first)
    expect((await verify(kept.tokens.access_token)).body.valid).toBe(true)
  })

  test.each([
    ['client_secret_basic', openid.ClientSecretBasic],
    ['client_secret_post', openid.ClientSecretPost],
  ] as const)('with openid-client keeps a secret and presents it by %s', async (method, Auth) => {
    const person = await newUser()
    const { client_id, client_secret = '' } = await newApplication({ token_endpoint_auth_method: method })
    const options = { [openid.customFetch]: fetchIt, algorithm: 'oauth2' } as openid.DiscoveryRequestOptions
    const config = await openid.discovery(new URL(SERVER), client_id, {}, Auth(client_secret), options)
    const pkceCodeVerifier = openid.randomPKCECodeVerifier()
    const url = openid.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT,
      scope: 'reports:read',
      state: 'a state',
      code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    const back = await agree(url, person)
    const tokens = await openid.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState: 'a state' })
    const renewed = await openid.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect((await verify(renewed.access_token)).body.valid).toBe(true)
    await openid.tokenRevocation(config, renewed.refresh_token ?? '')
    await expect(openid.refreshTokenGrant(config, renewed.refresh_token ?? '')).rejects.toThrow()
  })

  test.each([
    ['a wrong secret', { client_secret: 'ocs_wrong' }, {}],
    ['no secret', {}, {}],
    ['a header of another application', {}, { Authorization: `Basic ${btoa(`${crypto.randomUUID()}:x`)}` }],
    ['a header that is none', {}, { Authorization: 'Basic !' }],
  ])('with a secret is refused with %s (ASVS 10.4.10)', async (_, fields, headers) => {
    const { client_id } = await newApplication({ token_endpoint_auth_method: 'client_secret_post' })
    const refused = await post('token', { grant_type: 'refresh_token', client_id, ...fields }, headers)
    expect([refused.status, refused.body.error]).toEqual([401, 'invalid_client'])
    expect(refused.headers.get('WWW-Authenticate')).toBe('Basic realm="tollgate"')
  })

  test('gets an error that explains what is wrong with its request', async () => {
    const { client, exchange } = await granted()
    const { client_id } = client
    const errors = [
      await post('token', { client_id }),
      await post('token', { client_id, grant_type: 'password' }),
      await post('token', { grant_type: 'refresh_token' }),
      await call('POST /oauth/token', { body: { client_id } }),
      await call('POST /oauth/token', {
        body: `client_id=${client_id}&client_id=${client_id}`,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      }),
      await post('revoke', { client_id }),
    ]
    expect(errors.map(({ body }) => body.error)).toEqual([
      'unsupported_grant_type',
      'unsupported_grant_type',
      'invalid_client',
      'invalid_request',
      'invalid_request',
      'invalid_request',
    ])
    expect((await exchange()).status).toBe(200)
  })
})

describe('registration', () => {
  test('returns what RFC 7591 requires, and ignores unknown fields', async () => {
    const { status, body, headers } = await register({ redirect_uris: [REDIRECT], jwks: {}, software_id: 'x' })
    expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([201, null])
    expect(body).toEqual({
      client_id: expect.any(String),
      client_id_issued_at: expect.any(Number),
      client_secret: expect.stringMatching(/^ocs_/),
      client_secret_expires_at: 0,
      client_name: 'An application without a name',
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
    })
  })

  test.each([
    ['no addresses', {}, 'invalid_redirect_uri'],
    ['plain http', { redirect_uris: ['http://app.example.com/'] }, 'invalid_redirect_uri'],
    ['a script', { redirect_uris: ['javascript:alert(1)'] }, 'invalid_redirect_uri'],
    ['data', { redirect_uris: ['data:text/html,x'] }, 'invalid_redirect_uri'],
    ['a fragment', { redirect_uris: [`${REDIRECT}#x`] }, 'invalid_redirect_uri'],
    ['credentials', { redirect_uris: ['https://a:b@app.example.com/'] }, 'invalid_redirect_uri'],
    ['no URL', { redirect_uris: ['/callback'] }, 'invalid_redirect_uri'],
    ['another grant', { redirect_uris: [REDIRECT], grant_types: ['implicit'] }, 'invalid_client_metadata'],
    ['a name that is none', { redirect_uris: [REDIRECT], client_name: 'a\nb' }, 'invalid_client_metadata'],
    ['NUL in an address', { redirect_uris: ['https://a.example/\0'] }, 'invalid_redirect_uri'],
    ['half a character in an address', { redirect_uris: ['https://a.example/\ud800'] }, 'invalid_redirect_uri'],
    ['NUL in a name', { redirect_uris: [REDIRECT], client_name: 'a\0' }, 'invalid_client_metadata'],
    ['half a character in a name', { redirect_uris: [REDIRECT], client_name: 'a\ud800' }, 'invalid_client_metadata'],
    ['NUL in a page', { redirect_uris: [REDIRECT], client_uri: 'https://a.example/\0' }, 'invalid_client_metadata'],
    [
      'half a character in a page',
      { redirect_uris: [REDIRECT], client_uri: 'https://a.example/\ud800' },
      'invalid_client_metadata',
    ],
    ['no object', [], 'invalid_client_metadata'],
  ])('is refused with %s (ASVS 10.4.7)', async (_, metadata, error) => {
    const refused = await register(metadata)
    expect([refused.status, refused.body.error]).toEqual([400, error])
  })

  test("accepts an application's own URI scheme, and pages of any origin may register", async () => {
    const headers = { Origin: 'https://other.example.com' }
    const answer = await call('POST /oauth/register', { body: { redirect_uris: ['cursor://callback'] }, headers })
    expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([201, '*'])
    const preflight = await call('OPTIONS /oauth/token', {
      headers: { ...headers, 'Access-Control-Request-Method': 'POST' },
    })
    expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe('*')
    const api = await call('GET /api/v1/auth/me', { headers })
    expect(api.headers.get('Access-Control-Allow-Origin')).toBeNull()
  })
})

test("the guide's scopes and document are accepted, and its resource metadata conforms to RFC 9728", () => {
  const [scopes, document, metadata] = [...guide.matchAll(/```json\n([^]*?)\n```/g)].map(([, block = '']) => block)
  expect(parseOAuthScopes(scopes ?? '')).toEqual({
    'reports:read': expect.any(String),
    'reports:write': expect.any(String),
  })
  expect(readMetadata(JSON.parse(document ?? ''))).toMatchObject({ client_name: 'Agent', response_types: ['code'] })
  const resource = OAuthProtectedResourceMetadataSchema.parse(JSON.parse(metadata ?? ''))
  expect(resource).toMatchObject({
    resource: 'https://mcp.acme.com/mcp',
    authorization_servers: ['https://api.acme.com'],
  })
})

test('the server describes itself, and its API as one of its resources', async () => {
  const { body } = await call('GET /.well-known/oauth-authorization-server')
  expect(body).toMatchObject({
    issuer: SERVER,
    token_endpoint: `${SERVER}/oauth/token`,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  })
  expect((await call('GET /.well-known/oauth-protected-resource')).body).toMatchObject({
    resource: SERVER,
    authorization_servers: [SERVER],
  })
})
