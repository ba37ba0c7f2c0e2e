import { describe, expect, test, vi } from 'vitest'
import { directly } from '../../support/direct.ts'
import { call, newUser } from '../../support/http.ts'
import { codeFor, decide, newApplication, newRequest, REDIRECT } from '../../support/oauth.ts'
import { addMember, ORGANIZATIONS } from '../../support/organizations.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()

describe('who decides', () => {
  test('sees who asks for what, and for which organization (ASVS 10.7.2)', async () => {
    const person = await newUser({ organization: 'Acme' })
    const client = await newApplication({ client_uri: 'https://reporter.example.com' })
    const { request } = newRequest(client, { scope: 'reports:read reports:write' })
    const ask = (more: object = {}) =>
      call('POST /api/v1/auth/authorizations', { token: person.token, body: { ...request, ...more } })
    expect((await ask()).body).toEqual({
      client: {
        id: client.client_id,
        name: 'Reporter',
        uri: 'https://reporter.example.com',
        host: null,
        redirects_to: 'app.example.com',
      },
      organization: { id: person.user.organization_id, name: 'Acme', may_grant: true },
      asks_for: [
        { scope: 'reports:read', description: expect.any(String) },
        { scope: 'reports:write', description: expect.any(String) },
      ],
      resource: null,
      redirect_to: null,
    })
    expect((await ask({ scope: undefined })).body.asks_for.length).toBeGreaterThan(2)
  })

  test.each([
    ['an unknown application', { client_id: crypto.randomUUID() }, 'oauth_client_unknown'],
    ['an id that is none', { client_id: 'reporter' }, 'oauth_client_unknown'],
    ['another address', { redirect_uri: 'https://evil.example.com/callback' }, 'oauth_redirect_refused'],
    ['a longer address', { redirect_uri: `${REDIRECT}/more` }, 'oauth_redirect_refused'],
    ['an address with a query', { redirect_uri: `${REDIRECT}?x=1` }, 'oauth_redirect_refused'],
  ])('is never redirected by %s (ASVS 10.4.1)', async (_, more, code) => {
    const person = await newUser()
    const { request } = newRequest(await newApplication(), more)
    for (const path of ['', '/decide']) {
      const body = { ...request, ...(path && { for: person.user.organization_id, decision: 'approve' }) }
      const refused = await call(`POST /api/v1/auth/authorizations${path}`, { token: person.token, body })
      expect([refused.status, refused.body.code]).toEqual([400, code])
    }
  })

  test.each([
    ['no PKCE (ASVS 10.4.6)', { code_challenge: undefined }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a token instead of a code (ASVS 10.4.4)', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown scope', { scope: 'reports:read admin' }, 'invalid_scope'],
    ['a resource with a fragment', { resource: 'https://mcp.example.com/#x' }, 'invalid_target'],
  ])('is redirected back with the error: %s', async (_, more, error) => {
    const person = await newUser()
    const { request } = newRequest(await newApplication(), more)
    const { body } = await decide(person, request)
    const url = new URL(body.redirect_to)
    expect(url.origin + url.pathname).toBe(REDIRECT)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      error,
      state: request.state,
      iss: 'https://tollgate.test',
    })
  })

  test('must approve at least one scope, and can decide only so often', async () => {
    const person = await newUser()
    const { request } = newRequest(await newApplication())
    const refused = await decide(person, { ...request, scope: ' ' })
    expect([refused.status, refused.body.errors[0].path]).toEqual([400, 'body.scope'])
    expect((await decide(person, { ...request, scope: '' }, 'deny')).status).toBe(200)
    for (let asked = 1; asked < 60; asked++) await decide(person, request, 'deny')
    expect((await decide(person, request)).body.code).toBe('rate_limited')
  })

  test('may decline', async () => {
    const person = await newUser()
    const { request } = newRequest(await newApplication())
    const { body } = await decide(person, request, 'deny')
    expect(Object.fromEntries(new URL(body.redirect_to).searchParams)).toEqual({
      error: 'access_denied',
      state: request.state,
      iss: 'https://tollgate.test',
    })
  })

  test('decides for an organization of theirs where they may issue keys', async () => {
    const [person, owner] = [await newUser(), await newUser()]
    const client = await newApplication()
    const theirs = owner.user.organization_id as string
    const { request } = newRequest(client)
    await addMember(theirs, person.user.id, 'viewer')
    await sql.query('update sessions set organization_id = $1 where user_id = $2', [theirs, person.user.id])
    expect((await decide(person, request)).body.code).toBe('forbidden')
    await call(`PATCH ${ORGANIZATIONS}/${theirs}/members/${person.user.id}`, {
      token: owner.token,
      body: { role: 'member' },
    })
    expect((await decide(person, request)).status).toBe(200)
    await sql.query('update organizations set requires_two_factor = true where id = $1', [theirs])
    expect((await decide(person, request)).body.code).toBe('two_factor_required')
  })

  test('agrees for the organization that was shown, not one that another tab switched to', async () => {
    const person = await newUser()
    const { request } = newRequest(await newApplication())
    const other = await decide(person, { ...request, for: (await newUser()).user.organization_id })
    expect(other).toMatchObject({ status: 409, body: { code: 'organization_switched' } })
  })

  test('is redirected to an application on the same machine, on any port', async () => {
    const person = await newUser()
    const client = await newApplication({ redirect_uris: ['http://127.0.0.1/callback'] })
    const at = (redirect_uri: string) => decide(person, newRequest(client, { redirect_uri }).request)
    expect((await at('http://127.0.0.1:51234/callback')).status).toBe(200)
    for (const other of ['http://127.0.0.1:51234/other', 'http://localhost:51234/callback', 'http://10.0.0.1/callback'])
      expect((await at(other)).body.code).toBe('oauth_redirect_refused')
    expect(await codeFor(person, newRequest(client, { redirect_uri: undefined }).request)).toMatch(/^oac_/)
  })
})
