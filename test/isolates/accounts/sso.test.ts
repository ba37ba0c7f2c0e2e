import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { base64url, sha256 } from '../../../src/lib/bytes.ts'
import { directly } from '../../support/direct.ts'
import { newUser } from '../../support/http.ts'
import { type Person, signInAt } from '../../support/identity-provider.ts'
import { addMember } from '../../support/organizations.ts'
import { newPerson } from '../../support/providers.ts'
import { codeOf } from '../../support/two-factor.ts'
import { workerWith } from '../../support/variant.ts'

vi.spyOn(console, 'warn').mockImplementation(() => undefined) // each refusal is logged

const { sql } = directly()
const API = '/api/v1'
const HOME = 'http://localhost:8787'
/** On this machine alone a customer's provider may be on it, too. */
const worker = workerWith({ PUBLIC_URL: HOME })
const invitationOnly = workerWith({ PUBLIC_URL: HOME, REGISTRATION: 'invitation' })
const ISSUER = `${env.STACK_URL}/oidc`
const CLIENT = { issuer: ISSUER, client_id: 'tollgate-local', client_secret: 'tollgate-local-secret' }

type Worker = typeof worker

/** A request with a token of the deployment at {@link HOME}. */
const ask = (line: string, token: string, body?: unknown, by: Worker = worker) =>
  by.call(line, body, undefined, { Authorization: `Bearer ${token}` })

async function signedIn() {
  const user = await newUser()
  const { body } = await worker.call(`POST ${API}/auth/login`, { email: user.email, password: user.password })
  return { ...user, token: body.access_token as string }
}

/** An organization with a verified domain and a single sign-on. */
async function newCompany(settings: object = { join_role: 'member' }) {
  const owner = await signedIn()
  const id: string = owner.user.organization_id
  const domain = `${crypto.randomUUID()}.example.org`
  await sql.query(
    `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at)
     values (gen_random_uuid(), $1, $2, 'x', now(), now())`,
    [id, domain],
  )
  const path = `${API}/organizations/${id}`
  const put = (more: object) => ask(`PUT ${path}/sso`, owner.token, { ...CLIENT, join_role: 'member', ...more })
  expect(await put(settings)).toMatchObject({ status: 200 })
  const members = async () => (await ask(`GET ${path}/members`, owner.token)).body.data
  return { owner, id, domain, path, put, members, person: (more: Partial<Person> = {}) => newColleague(domain, more) }
}

const newColleague = (domain: string, more: Partial<Person> = {}) =>
  newPerson({ email: `p-${crypto.randomUUID()}@${domain}`, ...more })

const begin = (email: string, by: Worker = worker) => {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const page = { return_to: `${HOME}/dashboard/sign-in`, code_challenge: base64url(sha256(verifier)) }
  return { verifier, answer: by.call(`POST ${API}/auth/sign-in/sso`, { email, ...page }) }
}

/** Goes to the provider as one address and signs in there as somebody. @returns what the page that asked can use */
async function visit(email: string, person: Person, by: Worker = worker) {
  const { verifier, answer } = begin(email, by)
  const { body } = await answer
  const callback = await signInAt(body.authorization_url, person)
  const { headers } = await by.call(`GET ${callback.pathname}${callback.search}`)
  const arrived = new URL(headers.get('Location') ?? '')
  const code = arrived.searchParams.get('sign_in_code') ?? ''
  return { error: arrived.searchParams.get('sign_in_error'), proof: { code, code_verifier: verifier } }
}

async function signIn(person: Person, { as = person.email, by = worker }: { as?: string; by?: Worker } = {}) {
  const { error, proof } = await visit(as, person, by)
  expect(error).toBeNull()
  return by.call(`POST ${API}/auth/sign-in/complete`, proof)
}

const me = async (token: string) => (await ask(`GET ${API}/auth/me`, token)).body

describe('a single sign-on', () => {
  test('makes people of the domain accounts and members the first time, and knows them the next time', async () => {
    const { id, person, members } = await newCompany()
    const ada = person({ name: 'Ada Lovelace' })
    const first = await signIn(ada)
    expect(first.status).toBe(200)
    const user = await me(first.body.access_token)
    expect(user).toMatchObject({ organization_id: id, role: 'member', is_verified: true, has_password: false })
    expect((await me((await signIn(ada)).body.access_token)).id).toBe(user.id)
    expect((await members()).map(({ name }: any) => name)).toContain('Ada Lovelace')
    const acts = await sql.query(`select action, detail from audit_logs where organization_id = $1 order by id`, [id])
    expect(acts).toContainEqual({ action: 'member.joined', detail: { role: 'member', by: 'sso' } })
    expect(acts.find(({ action }) => action === 'sso.configured')?.detail).not.toHaveProperty('client_secret')
  })

  test('joins the account that has confirmed the address, and asks for its second factor', async () => {
    const { id, domain, person } = await newCompany()
    const user = await newUser()
    const email = `p-${crypto.randomUUID()}@${domain}`
    await sql.query('update users set email = $2, email_verified_at = now() where id = $1', [user.user.id, email])
    const login = await worker.call(`POST ${API}/auth/login`, { email, password: user.password })
    const { body: setup } = await ask(`POST ${API}/auth/2fa/setup`, login.body.access_token)
    await ask(`POST ${API}/auth/2fa/enable`, login.body.access_token, { code: codeOf(setup.secret) })
    const challenge = await signIn(person({ email }))
    expect(challenge.body).toMatchObject({ two_factor_required: true })
    await sql.query('update totp_credentials set last_step = null where user_id = $1', [user.user.id])
    const done = await worker.call(`POST ${API}/auth/2fa/verify`, {
      challenge_token: challenge.body.challenge_token,
      code: codeOf(setup.secret),
    })
    expect(await me(done.body.access_token)).toMatchObject({ id: user.user.id, organization_id: id, role: 'member' })
    const [session] = await sql.query(
      'select sso_connection_id is not null as by_sso from sessions where user_id = $1 order by created_at desc limit 1',
      [user.user.id],
    )
    expect(session?.by_sso).toBe(true)
  })

  test('makes accounts also where people register by invitation alone', async () => {
    const { person } = await newCompany()
    expect((await signIn(person(), { by: invitationOnly })).status).toBe(200)
  })

  test('ends its sessions after twelve hours, refresh tokens included', async () => {
    const { person } = await newCompany()
    const { body } = await signIn(person())
    const { id } = await me(body.access_token)
    const [session] = await sql.query(
      `select s.expires_at - s.created_at as length, r.expires_at <= s.expires_at as within
       from sessions s join refresh_tokens r on r.session_id = s.id where s.user_id = $1`,
      [id],
    )
    expect(session).toMatchObject({ within: true })
    expect(JSON.stringify(session?.length)).toContain('12')
  })

  test('lets nobody in whom a colleague removed, or who is no member where only members may sign in', async () => {
    const { id, owner, path, person, put } = await newCompany()
    const ada = person()
    const user = await me((await signIn(ada)).body.access_token)
    await ask(`DELETE ${path}/members/${user.id}`, owner.token)
    expect((await signIn(ada)).body.code).toBe('sso_no_member')
    await put({ join_role: null })
    expect((await signIn(person())).body.code).toBe('sso_no_member')
    await sql.query(`insert into memberships (organization_id, user_id, role) values ($1, $2, 'viewer')`, [id, user.id])
    expect((await signIn(ada)).status).toBe(200)
  })
})

describe('what an organization’s provider says counts for its own people alone', () => {
  test('an address of another domain is refused, and makes no account', async () => {
    const { person } = await newCompany()
    const stranger = newPerson()
    const { status, body } = await signIn(stranger, { as: person().email })
    expect([status, body.code]).toEqual([403, 'sso_address_refused'])
    const found = await sql.query('select 1 from users where email = $1', [stranger.email])
    expect(found).toEqual([])
  })

  test('an address that the provider does not confirm is refused', async () => {
    const { person } = await newCompany()
    expect((await signIn(person({ verified: false }))).body.code).toBe('sso_address_refused')
  })

  test('an account that a stranger registered with an address of the domain is not joined', async () => {
    const { person } = await newCompany()
    const ada = person()
    await worker.call(`POST ${API}/auth/register`, { email: ada.email, password: 'correct horse battery' })
    expect((await signIn(ada)).body.code).toBe('identity_not_linked')
  })

  test('an account whose address is another one by now is not signed in to', async () => {
    const { person } = await newCompany()
    const ada = person()
    const { id } = await me((await signIn(ada)).body.access_token)
    await sql.query('update users set email = $2 where id = $1', [id, `private-${crypto.randomUUID()}@example.com`])
    expect((await signIn(ada)).body.code).toBe('sso_address_refused')
  })

  test('a domain that is not verified any more signs nobody in', async () => {
    const { id, person } = await newCompany()
    const ada = person()
    const { proof } = await visit(ada.email, ada)
    await sql.query('update organization_domains set verified_at = null where organization_id = $1', [id])
    expect((await worker.call(`POST ${API}/auth/sign-in/complete`, proof)).body.code).toBe('sso_address_refused')
    expect((await begin(ada.email).answer).body.code).toBe('sso_not_found')
  })

  test('a sign-in under way ends with the connection, or with its provider', async () => {
    const { owner, path, person, put, id } = await newCompany()
    const [ada, bob] = [person(), person()]
    const [first, second] = [await visit(ada.email, ada), await visit(bob.email, bob)]
    await sql.query(`update sso_connections set issuer = 'https://other.example.org' where organization_id = $1`, [id])
    expect((await worker.call(`POST ${API}/auth/sign-in/complete`, first.proof)).body.code).toBe('sso_not_found')
    await put({})
    expect((await ask(`DELETE ${path}/sso`, owner.token)).status).toBe(204)
    expect((await worker.call(`POST ${API}/auth/sign-in/complete`, second.proof)).body.code).toBe('sso_not_found')
  })

  test('its code links nothing to another account', async () => {
    const { person } = await newCompany()
    const ada = person()
    const { proof } = await visit(ada.email, ada)
    const { token } = await signedIn()
    expect((await ask(`POST ${API}/auth/identities`, token, proof)).body.code).toBe('invalid_sign_in')
  })

  test('an ID token that is forged is refused', async () => {
    const { person } = await newCompany()
    for (const misbehave of ['wrong_audience', 'other_key', 'wrong_nonce', 'response_issuer'])
      expect((await visit(person().email, person({ misbehave }))).error).toBe('refused')
  })
})

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

  test('no metadata lead Tollgate to an address that only it can reach', async () => {
    const { person } = await newCompany()
    const ada = person()
    const { answer } = begin(ada.email)
    const callback = await signInAt((await answer).body.authorization_url, ada)
    const fetched = vi.spyOn(globalThis, 'fetch')
    const elsewhere = workerWith({}) // not on this machine, so that the endpoints of the known metadata are out of bounds
    const { headers } = await elsewhere.call(`GET ${callback.pathname}${callback.search}`)
    expect(new URL(headers.get('Location') ?? '').searchParams.get('sign_in_error')).toBe('refused')
    const addresses = fetched.mock.calls.map(([address]) => new Request(address).url)
    fetched.mockRestore()
    expect(addresses.filter((address) => address.includes('/oidc/'))).toEqual([])
  })

  test('can be required once somebody has signed in, and then holds back everybody but owners', async () => {
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

  test('takes the place of the former one, also of two at once, and its secret opens', async () => {
    const { put, person } = await newCompany()
    await Promise.all([put({ join_role: 'viewer' }), put({ join_role: 'viewer' }), put({ join_role: 'viewer' })])
    const { body } = await signIn(person())
    expect(await me(body.access_token)).toMatchObject({ role: 'viewer' })
  })
})
