import { call } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { signInByPasskey } from '../api/session.ts'
import type { NewPasskey, PasskeyAssertion, PasskeyCreationOptions, PasskeyRequestOptions } from '../api/types.ts'

/** Whether this browser can use passkeys, and reads what the server says about them. */
export const canUsePasskeys = (): boolean =>
  typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential

/** What people see of an error of the browser: it does not say whether they canceled, or had none. */
const REASONS: Readonly<Record<string, string>> = {
  NotAllowedError: 'No passkey was used. Try again, or choose another method.',
  InvalidStateError: 'This device already has a passkey for your account.',
  SecurityError: 'Passkeys do not work at this address. Contact the operator.',
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

/** @throws ApiError when none is chosen */
export const askForPasskey = (options: PasskeyRequestOptions) =>
  ask<PasskeyAssertion>(() =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
    }),
  )

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
