import type { ManagementDeps } from '../../deps.ts'
import { base64url, fromBase64 } from '../../lib/bytes.ts'
import { lazily } from '../../lib/lazily.ts'
import { errorFields, log } from '../../lib/log.ts'
import type { Proof } from '../two-factor/proof.ts'
import type { Assertion } from './assertion-schema.ts'
import { CHALLENGE_SECONDS, findChallenge, newChallenge, type Purpose } from './challenge.ts'
import { type FoundPasskey, findPasskey, listCredentials, usePasskey } from './queries.ts'
import { passkeyOrigins, relyingPartyId } from './relying-party.ts'
import { userHandle } from './user-handle.ts'

export const loadWebAuthn = lazily(() => import('@simplewebauthn/server'))

/** Creates a browser's options to request a passkey: any of this deployment's, or one of a user's. */
export async function beginAssertion(deps: ManagementDeps, purpose: Purpose) {
  const rpId = relyingPartyId(deps.config)
  const known = purpose.userId === null ? [] : await listCredentials(deps.db, purpose.userId, rpId)
  return {
    challenge: await newChallenge(deps, purpose),
    timeout: CHALLENGE_SECONDS * 1_000,
    rpId,
    allowCredentials: toDescriptors(known),
    userVerification: 'required' as const,
  }
}

/** Serializes credentials that a browser should find, or should not create again. */
export const toDescriptors = (known: readonly { readonly credentialId: Uint8Array; readonly transports: string[] }[]) =>
  known.map(({ credentialId, transports }) => ({
    type: 'public-key' as const,
    id: base64url(credentialId),
    transports,
  }))

/** A passkey with a valid assertion. Its `proof` records the use in the batch that it authorizes. */
interface Asserted {
  readonly passkey: FoundPasskey
  readonly proof: Proof
}

/**
 * Checks a passkey's assertion (W3C Web Authentication Level 3, section 7.2). An invalid assertion deletes its challenge.
 *
 * @returns `undefined` for an assertion that is invalid, or somebody else's
 */
export async function verifyAssertion(
  deps: ManagementDeps,
  assertion: Assertion,
  purpose: Purpose,
): Promise<Asserted | undefined> {
  const rpId = relyingPartyId(deps.config)
  const [challenge, passkey] = await Promise.all([
    findChallenge(deps, assertion.response.clientDataJSON, purpose),
    findPasskey(deps.db, fromBase64(assertion.id), rpId),
  ])
  if (!challenge) return undefined
  const isKnown = passkey && isTheirs(assertion, passkey, purpose)
  const result = isKnown && (await check(deps, assertion, { challenge: challenge.text, passkey, rpId }))
  if (!result) {
    await challenge.forget()
    return undefined
  }
  const use = usePasskey(deps.db, passkey.id, { ...result, now: new Date(deps.now()) })
  return { passkey, proof: { by: 'passkey', statements: [challenge.spent, use], notify: () => undefined } }
}

/** A user handle, if present, must be the owner's; a sign-in without a known user requires one (step 6). */
function isTheirs({ response }: Assertion, { userId }: FoundPasskey, purpose: Purpose): boolean {
  const isNamed = response.userHandle ? response.userHandle === base64url(userHandle(userId)) : purpose.userId !== null
  return isNamed && (purpose.userId === null || purpose.userId === userId)
}

interface Expected {
  readonly challenge: string
  readonly passkey: FoundPasskey
  readonly rpId: string
}

async function check(
  deps: ManagementDeps,
  { response, ...assertion }: Assertion,
  { challenge, passkey, rpId }: Expected,
) {
  const { verifyAuthenticationResponse } = await loadWebAuthn()
  const { userHandle: _, ...signed } = response
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: { ...assertion, response: signed, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: passkeyOrigins(deps.config),
      expectedRPID: rpId,
      credential: { id: assertion.id, publicKey: Uint8Array.from(passkey.publicKey), counter: passkey.counter },
      requireUserVerification: true,
    })
    if (!verified) return undefined
    return { counter: authenticationInfo.newCounter, isSynced: authenticationInfo.credentialBackedUp }
  } catch (error) {
    log('warn', 'passkey_refused', { request_id: deps.origin.requestId, ...errorFields(error) })
    return undefined
  }
}
