import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import { base64url, sha256 } from '../../src/lib/bytes.ts'
import { directly } from './direct.ts'
import { newUser } from './http.ts'
import { type Person, signInAt } from './identity-provider.ts'
import { newPerson } from './providers.ts'
import { workerWith } from './variant.ts'

const { sql } = directly()
export const API = '/api/v1'
export const HOME = 'http://localhost:8787'
/** On this machine alone a customer's provider may be on it, too. */
export const worker = workerWith({ PUBLIC_URL: HOME })
export const invitationOnly = workerWith({ PUBLIC_URL: HOME, REGISTRATION: 'invitation' })
export const ISSUER = `${env.STACK_URL}/oidc`
export const CLIENT = { issuer: ISSUER, client_id: 'tollgate-local', client_secret: 'tollgate-local-secret' }

type Worker = typeof worker

/** A request with a token of the deployment at {@link HOME}. */
export const ask = (line: string, token: string, body?: unknown, by: Worker = worker) =>
  by.call(line, body, undefined, { Authorization: `Bearer ${token}` })

export async function signedIn() {
  const user = await newUser()
  const { body } = await worker.call(`POST ${API}/auth/login`, { email: user.email, password: user.password })
  return { ...user, token: body.access_token as string }
}

/** An organization with a verified domain and a single sign-on. */
export async function newCompany(settings: object = { join_role: 'member' }) {
  const owner = await signedIn()
  const id: string = owner.user.organization_id
  const domain = `${crypto.randomUUID()}.example.org`
  await sql.query(
    `insert into organization_domains (id, organization_id, domain, token, verified_at, checked_at)
     values (gen_random_uuid(), $1, $2, 'x', now(), now() + interval '1 year')`,
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

export const begin = (email: string, by: Worker = worker) => {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const page = { return_to: `${HOME}/dashboard/sign-in`, code_challenge: base64url(sha256(verifier)) }
  return { verifier, answer: by.call(`POST ${API}/auth/sign-in/sso`, { email, ...page }) }
}

/** Goes to the provider as one address and signs in there as another person. @returns what the requesting page can use */
export async function visit(email: string, person: Person, by: Worker = worker) {
  const { verifier, answer } = begin(email, by)
  const { body } = await answer
  const callback = await signInAt(body.authorization_url, person)
  const { headers } = await by.call(`GET ${callback.pathname}${callback.search}`)
  const arrived = new URL(headers.get('Location') ?? '')
  const code = arrived.searchParams.get('sign_in_code') ?? ''
  return { error: arrived.searchParams.get('sign_in_error'), proof: { code, code_verifier: verifier } }
}

export async function signIn(person: Person, { as = person.email, by = worker }: { as?: string; by?: Worker } = {}) {
  const { error, proof } = await visit(as, person, by)
  expect(error).toBeNull()
  return by.call(`POST ${API}/auth/sign-in/complete`, proof)
}

export const me = async (token: string) => (await ask(`GET ${API}/auth/me`, token)).body
