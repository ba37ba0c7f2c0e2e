import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { signInByPasskey } from '../api/session.ts'
import type { NewPasskey, PasskeyAssertion, PasskeyCreationOptions, PasskeyRequestOptions } from '../api/types.ts'

/** Whether this browser can use passkeys, and reads what the server says about them. */
export const canUsePasskeys = (): boolean =>
  typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential

/** What people see of an error of the browser: it does not say whether they cancelled, or had none. */
const REASONS: Readonly<Record<string, string>> = {
  NotAllowedError: 'No passkey was used. Try again, or choose another way.',
  InvalidStateError: 'This device has a passkey of your account already.',
  SecurityError: 'Passkeys do not work at this address. Tell the operator.',
}

async function ask<Answer>(work: () => Promise<Credential | null>): Promise<Answer> {
  try {
    const credential = await work()
    return (credential as PublicKeyCredential).toJSON() as Answer
  } catch (error) {
    const name = error instanceof DOMException ? error.name : ''
    throw new ApiError(400, {
      code: 'passkey_failed',
      title: REASONS[name] ?? 'The passkey could not be used. Try again.',
    })
  }
}

/** The request behind the passkeys that a field offers. A browser has one request at a time. */
let offer: AbortController | undefined

/** @throws ApiError when none is chosen */
export function askForPasskey(options: PasskeyRequestOptions): Promise<PasskeyAssertion> {
  offer?.abort()
  return ask<PasskeyAssertion>(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    }),
  )
}

/** Shorter than a challenge is good for. */
const OFFER_MS = 4.5 * 60_000

/**
 * Offers passkeys among what a browser fills into a field of `autocomplete="username webauthn"` (W3C Web Authentication
 * Level 3, conditional mediation), and signs in with the one that is chosen there.
 *
 * @returns whether somebody signed in. Otherwise the browser cannot do it, or the offer is over: make it again
 * @throws ApiError when the server refuses the passkey
 */
export async function offerPasskeys(signal: AbortSignal): Promise<boolean> {
  if (!canUsePasskeys() || !(await PublicKeyCredential.isConditionalMediationAvailable())) return false
  const options = await call('POST /auth/passkeys/sign-in/begin')
  if (signal.aborted) return false
  offer?.abort()
  offer = new AbortController()
  const credential = await navigator.credentials
    .get({
      mediation: 'conditional',
      signal: AbortSignal.any([signal, offer.signal, AbortSignal.timeout(OFFER_MS)]),
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    })
    .catch(() => null) // nobody asked for it, so nobody is told
  if (!credential) return false
  await signInByPasskey((credential as PublicKeyCredential).toJSON() as unknown as PasskeyAssertion)
  return true
}

/** @throws ApiError when none is made */
export const makePasskey = (options: PasskeyCreationOptions) =>
  ask<NewPasskey['credential']>(() =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
    }),
  )

/** Signs in with any passkey of this deployment. @throws ApiError */
export async function signInWithPasskey(): Promise<void> {
  await signInByPasskey(await askForPasskey(await call('POST /auth/passkeys/sign-in/begin')))
}

/** Shows by a passkey that the person is present: once, for whatever takes it. @throws ApiError */
export const proveByPasskey = async (): Promise<PasskeyAssertion> =>
  askForPasskey(await call('POST /auth/passkeys/prove'))

/** Makes the session as fresh as a new sign-in. @throws ApiError */
export async function reauthenticateByPasskey(): Promise<void> {
  await call('POST /auth/passkeys/reauthenticate', { body: { passkey: await proveByPasskey() } })
}
