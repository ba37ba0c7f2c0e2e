import { auth } from '@modelcontextprotocol/sdk/client/auth.js'
import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { call, newUser, verify } from '../../support/http.ts'
import { fetchIt } from '../../support/mcp.ts'
import { agree, codeFor, newProvider, newRequest, post, REDIRECT } from '../../support/oauth.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const real = globalThis.fetch

let documents = 0

/** A document of an application, at an address of its own: what is published there, and how often it was read. */
function publish(more: object = {}, answer: { status?: number; headers?: Record<string, string>; text?: string } = {}) {
  const url = `https://agent-${documents++}.example.com/client.json`
  let said: object = {
    client_id: url,
    client_name: 'Agent',
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    ...more,
  }
  let reads = 0
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    if (input !== url) return real(input, init)
    reads++
    const headers = { 'Content-Type': 'application/json', ...answer.headers }
    return new Response(answer.text ?? JSON.stringify(said), { ...answer, headers })
  })
  return { url, reads: () => reads, change: (fields: object) => void (said = { ...said, ...fields }) }
}

const describeRequest = (by: { readonly token: string }, request: object) =>
  call('POST /api/v1/auth/authorizations', { token: by.token, body: request })

const exchange = (client_id: string, code: string, code_verifier: string) =>
  post('token', { grant_type: 'authorization_code', client_id, code, code_verifier, redirect_uri: REDIRECT })

describe('an application that publishes a document', () => {
  test('is identified by its URL, without registration', async () => {
    const person = await newUser()
    const { url } = publish()
    const { provider, kept } = newProvider('reports:read')
    const described = { ...provider, clientMetadataUrl: url, clientInformation: () => kept.client }
    const options = { serverUrl: 'https://tollgate.test', scope: 'reports:read', fetchFn: fetchIt }
    expect(await auth(described, options)).toBe('REDIRECT')
    expect(kept.client.client_id).toBe(url)
    const back = await agree(kept.url, person)
    const authorizationCode = back.searchParams.get('code') ?? ''
    expect(await auth(described, { ...options, authorizationCode })).toBe('AUTHORIZED')
    expect((await verify(kept.tokens.access_token, { scopes: ['reports:read'] })).body.valid).toBe(true)
    expect(await auth(described, options)).toBe('AUTHORIZED') // by the refresh token
    const { body } = await call('GET /api/v1/auth/grants', { token: person.token })
    expect(body.data[0].client).toEqual({ id: url, name: 'Agent', uri: null })
  })

  test('is shown with the host that serves the document', async () => {
    const { url } = publish()
    const { body } = await describeRequest(await newUser(), newRequest({ client_id: url }).request)
    expect(body.client).toMatchObject({ id: url, host: new URL(url).host, redirects_to: 'app.example.com' })
  })

  test('is read once for a person who decides, and again once the document is stale', async () => {
    const person = await newUser()
    const { url, reads, change } = publish({}, { headers: { 'Cache-Control': 'max-age=600' } })
    const { request, verifier } = newRequest({ client_id: url })
    await describeRequest(person, request)
    const code = await codeFor(person, request)
    expect((await exchange(url, code, verifier)).status).toBe(200)
    expect(reads()).toBe(1)
    change({ client_name: 'Renamed', redirect_uris: ['https://elsewhere.example.com/cb'] })
    await directly().sql.query(
      `update oauth_clients set read_again_at = now() - interval '1 s' where metadata_url = $1`,
      [url],
    )
    expect((await describeRequest(person, request)).body.code).toBe('oauth_redirect_refused')
    expect(reads()).toBe(2)
    const rows = await directly().sql.query('select name, expires_at from oauth_clients where metadata_url = $1', [url])
    expect(rows).toEqual([{ name: 'Renamed', expires_at: null }]) // somebody agreed to it: it is not forgotten
  })

  test('is one application if two request it at once', async () => {
    const { url } = publish()
    const people = [await newUser(), await newUser(), await newUser()]
    const answers = await Promise.all(
      people.map((person) => describeRequest(person, newRequest({ client_id: url }).request)),
    )
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await directly().sql.query('select 1 from oauth_clients where metadata_url = $1', [url])).toHaveLength(1)
  })

  test('may list grants, addresses and pages that are for other servers', async () => {
    const { url } = publish({
      grant_types: ['authorization_code', 'client_credentials'],
      redirect_uris: [REDIRECT, 'javascript:alert(1)'],
      client_uri: 'http://agent.example.com',
    })
    const { status, body } = await describeRequest(await newUser(), newRequest({ client_id: url }).request)
    expect(status).toBe(200)
    expect(body.client.uri).toBeNull()
  })

  test('can ask from a device as well', async () => {
    const { url } = publish({ redirect_uris: [], grant_types: ['urn:ietf:params:oauth:grant-type:device_code'] })
    expect((await post('device_authorization', { client_id: url })).body.user_code).toMatch(/^\w{4}-\w{4}$/)
  })
})

describe('a document is refused', () => {
  test.each([
    ['of another client_id', { client_id: 'https://other.example.com/client.json' }, 'names another client_id'],
    ['with a secret', { client_secret: 'x' }, 'is public'],
    ['of an application with a secret', { token_endpoint_auth_method: 'client_secret_basic' }, 'is public'],
    ['without a redirect URI', { redirect_uris: [] }, 'needs at least one'],
    ['with the end of a secret', { client_secret_expires_at: 0 }, 'is public'],
    ['with no redirect URI but one that runs', { redirect_uris: ['javascript:alert(1)'] }, 'needs at least one'],
    ['with no grant that is offered', { grant_types: ['password'] }, 'grant_types'],
  ])('%s', async (_, more, why) => {
    const { url } = publish(more)
    const { body } = await describeRequest(await newUser(), newRequest({ client_id: url }).request)
    expect(body.code).toBe('oauth_client_unknown')
    expect(body.detail).toContain(why)
  })

  test.each([
    ['that is not there', { status: 404 }, 'It answered 404.'],
    ['that leads elsewhere', { status: 302, headers: { Location: 'https://example.com' } }, 'It answered 302.'],
    ['that is no JSON', { text: '<html>' }, 'Its answer is no JSON.'],
    ['that somebody uploaded as a text', { headers: { 'Content-Type': 'text/plain' } }, 'Its answer is no JSON.'],
    ['that is no object', { text: '7' }, 'names another client_id'],
    ['that is too large', { text: JSON.stringify('x'.repeat(20_000)) }, 'more than 16384 bytes'],
  ])('%s', async (_, answer, why) => {
    const { url } = publish({}, answer)
    const { body } = await describeRequest(await newUser(), newRequest({ client_id: url }).request)
    expect(body.code).toBe('oauth_client_unknown')
    expect(body.detail).toContain(why)
  })

  test('that does not arrive in time', async () => {
    const { url } = publish()
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (input === url) throw new DOMException('The operation was aborted', 'TimeoutError')
      return real(input, init)
    })
    const { body } = await describeRequest(await newUser(), newRequest({ client_id: url }).request)
    expect(body.detail).toContain('It did not answer in time.')
  })

  test.each([
    'http://agent.example.com/client.json',
    'https://localhost/client.json',
    'https://10.0.0.1/client.json',
    'https://metadata.google.internal/client.json',
    'https://agent.example.com:22/client.json',
    'https://agent.example.com/',
    'https://agent.example.com',
    'https://user:secret@agent.example.com/client.json',
    'https://agent.example.com/client.json#part',
    'https://agent.example.com/echo?body=%7B%7D',
    'https://agent.example.com/a/../client.json',
    'https://AGENT.example.com/client.json',
    'https://tollgate.test/client.json',
  ])('at %s, which is never fetched', async (client_id) => {
    const spy = vi.spyOn(globalThis, 'fetch')
    const { body } = await describeRequest(await newUser(), newRequest({ client_id }).request)
    expect(body.code).toBe('oauth_client_unknown')
    expect(spy.mock.calls.filter(([input]) => input === client_id)).toEqual([])
  })
})

test('a token endpoint reads no document: the application is already known', async () => {
  const { url, reads } = publish()
  expect((await exchange(url, 'a code', 'x'.repeat(43))).body.error).toBe('invalid_client')
  expect(reads()).toBe(0)
})

test('the metadata lists what is supported', async () => {
  const { body } = await call('GET /.well-known/oauth-authorization-server')
  expect(body).toMatchObject({
    client_id_metadata_document_supported: true,
    device_authorization_endpoint: 'https://tollgate.test/oauth/device_authorization',
  })
  expect(body.grant_types_supported).toContain('urn:ietf:params:oauth:grant-type:device_code')
})
