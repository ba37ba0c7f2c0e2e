import { base64url, sha256 } from '../../src/lib/bytes.ts'
import { call, randomIp } from './http.ts'
import { type Person, signInAt } from './identity-provider.ts'

export const RETURN_TO = 'https://tollgate.test/dashboard/sign-in?next=%2Fkeys'

/** Somebody whom no other test knows. */
export const newPerson = (more: Partial<Person> = {}): Person => ({
  email: `somebody-${crypto.randomUUID()}@example.com`,
  name: 'Ada Lovelace',
  ...more,
})

export type ProviderId = 'local' | 'github'

/** Begins a sign-in as a page does, with a verifier of its own. */
export async function begin(provider: string = 'local', more: Record<string, unknown> = {}) {
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)))
  const body = { provider, return_to: RETURN_TO, code_challenge: base64url(sha256(verifier)), ...more }
  return { verifier, answer: await call('POST /api/v1/auth/sign-in', { body }) }
}

/** Sends the browser back to this deployment, and returns where it is redirected. */
export async function comeBack(callback: URL): Promise<URL> {
  const { headers } = await call(`GET ${callback.pathname}${callback.search}`)
  return new URL(headers.get('Location') ?? 'missing:')
}

/** Signs a user in at a provider. @returns what the requesting page has afterwards */
export async function visit(person: Person, provider: ProviderId = 'local') {
  const { verifier, answer } = await begin(provider)
  const callback = await signInAt(answer.body.authorization_url, person)
  const arrived = await comeBack(callback)
  return {
    callback,
    arrived,
    error: arrived.searchParams.get('sign_in_error'),
    proof: { code: arrived.searchParams.get('sign_in_code') ?? '', code_verifier: verifier },
  }
}

export const complete = (proof: unknown, ip = randomIp()) =>
  call('POST /api/v1/auth/sign-in/complete', { body: proof, ip })

/** The whole way: signs in at a provider and then here. */
export async function signInWith(person: Person, provider: ProviderId = 'local') {
  return complete((await visit(person, provider)).proof)
}
