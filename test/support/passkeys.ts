import { type Authenticator, newAuthenticator, type Oddity } from './authenticator.ts'
import { call, newUser, randomIp } from './http.ts'

export const ORIGIN = 'https://tollgate.test'
export const PASSKEYS = '/api/v1/auth/passkeys'

/** Adds a passkey to a signed-in user's account. @returns the answer */
export async function add(token: string, authenticator: Authenticator, odd: Oddity = {}, more: object = {}) {
  const { body } = await call(`POST ${PASSKEYS}/begin`, { token })
  return call(`POST ${PASSKEYS}`, { token, body: { credential: await authenticator.create(body, odd), ...more } })
}

/** A new user with a passkey. */
export async function newOwner(settings: { readonly isSynced?: boolean } = {}) {
  const owner = await newUser()
  const authenticator = await newAuthenticator(ORIGIN, settings)
  const { body: passkey } = await add(owner.token, authenticator)
  return { ...owner, authenticator, passkey }
}

export const beginSignIn = async () => (await call(`POST ${PASSKEYS}/sign-in/begin`)).body

/** Signs in with a passkey alone. */
export async function signIn(authenticator: Authenticator, odd: Oddity = {}) {
  const passkey = await authenticator.get(await beginSignIn(), odd)
  return call(`POST ${PASSKEYS}/sign-in`, { body: { passkey }, ip: randomIp() })
}

/** The answer of a passkey that its signed-in owner is present. */
export async function prove(token: string, authenticator: Authenticator, odd: Oddity = {}) {
  const { body } = await call(`POST ${PASSKEYS}/prove`, { token })
  return authenticator.get(body, odd)
}

export const remove = (token: string, id: string) => call(`DELETE ${PASSKEYS}/${id}`, { token })
