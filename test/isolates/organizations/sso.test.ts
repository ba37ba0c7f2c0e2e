import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { signInAt } from '../../support/identity-provider.ts'
import { addMember } from '../../support/organizations.ts'
import { API, ask, begin, CLIENT, HOME, ISSUER, me, newCompany, signedIn, signIn } from '../../support/sso.ts'
import { makeStale } from '../../support/stale-session.ts'
import { workerWith } from '../../support/variant.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

describe('PUT /organizations/{organization_id}/sso', () => {
  test('is for owners, and never shows the secret', async () => {
    const { id, owner, path } = await newCompany()
    const admin = await signedIn()
    await addMember(id, admin.user.id, 'admin')
    expect((await ask(`PUT ${path}/sso`, admin.token, CLIENT)).body.code).toBe('forbidden')
    expect((await ask(`DELETE ${path}/sso`, admin.token)).body.code).toBe('forbidden')
    const { body } = await ask(`GET ${path}/sso`, admin.token)
    expect(body).toMatchObject({ issuer: ISSUER, required: false, redirect_uri: `${HOME}/account/sign-in` })
    expect(JSON.stringify(body)).not.toContain(CLIENT.client_secret)
    const none = await ask(`GET ${API}/organizations/${admin.user.organization_id}/sso`, admin.token)
    expect([none.status, none.body.code]).toEqual([404, 'sso_not_found'])
    expect((await ask(`PUT ${path}/sso`, owner.token, { ...CLIENT, client_secret: undefined })).status).toBe(200)
  })

  test.each([
    ['has no metadata', { issuer: `${env.STACK_URL}/nowhere` }, 'issuer'],
    ['has a slash that its metadata do not have', { issuer: `${ISSUER}/` }, 'issuer'],
    ['is not the one that its metadata name', { issuer: ISSUER.replace('127.0.0.1', 'localhost') }, 'issuer'],
    ['is a private address', { issuer: 'https://10.0.0.1/oidc' }, 'issuer'],
    ['is a metadata service', { issuer: 'https://169.254.169.254/' }, 'issuer'],
    ['has no https', { issuer: 'http://acme.example.org' }, 'issuer'],
    ['is new and comes without its secret', { client_id: 'another', client_secret: undefined }, 'client_secret'],
  ])('an issuer that %s is refused by its field', async (_, change, field) => {
    const { put } = await newCompany()
    const { status, body } = await put(change)
    expect([status, body.errors?.[0]?.path]).toEqual([400, `body.${field}`])
  })

  test('no metadata lead Tollgate to an internal address', async () => {
    const { person } = await newCompany()
    const ada = person()
    const { answer } = begin(ada.email)
    const callback = await signInAt((await answer).body.authorization_url, ada)
    const fetched = vi.spyOn(globalThis, 'fetch')
    const elsewhere = workerWith({}) // not on this machine, so that the endpoints in the known metadata are out of bounds
    const { headers } = await elsewhere.call(`GET ${callback.pathname}${callback.search}`)
    expect(new URL(headers.get('Location') ?? '').searchParams.get('sign_in_error')).toBe('refused')
    const addresses = fetched.mock.calls.map(([address]) => new Request(address).url)
    fetched.mockRestore()
    expect(addresses.filter((address) => address.includes('/oidc/'))).toEqual([])
  })

  test('can be required once somebody has signed in, and then keeps out everybody but owners', async () => {
    const { id, path, put, person, owner } = await newCompany()
    expect((await put({ required: true })).body.code).toBe('sso_not_tested')
    const { body: tokens } = await signIn(person())
    const member = await signedIn()
    await addMember(id, member.user.id, 'admin')
    expect((await put({ required: true })).body).toMatchObject({ required: true })
    expect((await ask(`GET ${path}/members`, owner.token)).status).toBe(200)
    expect((await ask(`GET ${path}/members`, tokens.access_token)).status).toBe(200)
    const refused = await ask(`GET ${path}/members`, member.token)
    expect([refused.status, refused.body.code]).toEqual([403, 'single_sign_on_required'])
    const there = (await ask(`POST ${path}/switch`, member.token)).body.access_token
    expect(await me(there)).toMatchObject({ unmet_requirement: 'single_sign_on', permissions: [] })
    expect((await ask(`POST ${path}/leave`, member.token)).status).toBe(204)
    expect((await put({ client_id: 'another', required: true })).body.code).toBe('sso_not_tested')
  })

  test('takes the password after 15 minutes, like its removal', async () => {
    const { owner, path, put } = await newCompany()
    await makeStale(owner.user.id)
    const { password } = owner
    expect((await put({})).body.code).toBe('reauthentication_required')
    expect((await put({ password: 'another one' })).body.code).toBe('wrong_password')
    const { status, body } = await put({ join_role: 'viewer', password })
    expect([status, body.password, body.join_role]).toEqual([200, undefined, 'viewer'])
    expect((await ask(`DELETE ${path}/sso`, owner.token)).body.code).toBe('reauthentication_required')
    expect((await ask(`DELETE ${path}/sso`, owner.token, { password })).status).toBe(204)
  })

  test('fetches metadata of providers at most thirty times in ten minutes', async () => {
    const { put } = await newCompany()
    const codes = new Set<unknown>()
    for (let times = 0; times < 31; times++) codes.add((await put({ required: true })).body.code)
    expect([...codes]).toEqual(['sso_not_tested', 'rate_limited'])
  })

  test('replaces the former one, even if set twice at once, and its secret can be decrypted', async () => {
    const { put, person } = await newCompany()
    await Promise.all([put({ join_role: 'viewer' }), put({ join_role: 'viewer' }), put({ join_role: 'viewer' })])
    const { body } = await signIn(person())
    expect(await me(body.access_token)).toMatchObject({ role: 'viewer' })
  })
})

test('a user whom a directory sends signs in by single sign-on, and no longer once it has removed them', async () => {
  const { owner, path, person } = await newCompany({ join_role: null })
  await ask(`PUT ${path}/directory`, owner.token, { default_role: 'viewer' })
  const { token } = (await ask(`POST ${path}/directory/token`, owner.token)).body
  const [sent, unknown] = [person(), person()]
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User']
  const made = await ask('POST /scim/v2/Users', token, { schemas, userName: sent.email })
  expect(made.status).toBe(201)
  const { body } = await signIn(sent)
  expect(await me(body.access_token)).toMatchObject({ id: made.body.id, role: 'viewer', has_password: false })
  expect((await signIn(unknown)).body.code).toBe('sso_no_member')
  expect((await ask(`DELETE /scim/v2/Users/${made.body.id}`, token)).status).toBe(204)
  expect((await ask(`GET ${path}/members`, body.access_token)).body.code).toBe('organization_not_found')
  expect((await signIn(sent)).body.code).toBe('sso_no_member')
})
