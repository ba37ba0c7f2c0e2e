import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, fromBase64 } from '../../lib/bytes.ts'
import { errorFields, log } from '../../lib/log.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { endSessions } from '../email/queries.ts'
import { getOwnProfile } from '../user.ts'
import { waysIn } from '../ways-in.ts'
import { loadWebAuthn, toDescriptors } from './assertion.ts'
import { nameOf } from './authenticators.ts'
import { CHALLENGE_SECONDS, findChallenge, newChallenge } from './challenge.ts'
import {
  deletePasskey,
  findOwnPasskey,
  insertPasskey,
  listCredentials,
  listPasskeys,
  type ShownPasskey,
  updatePasskeyName,
} from './queries.ts'
import { passkeyOrigins, relyingPartyId } from './relying-party.ts'
import type { NewPasskey } from './schemas.ts'
import { userHandle } from './user-handle.ts'

/** COSE algorithms: EdDSA, ES256, RS256 (RFC 9053, RFC 8812). */
const ALGORITHMS = [-8, -7, -257]

/** Lists the passkeys of an account. */
export async function listOwnPasskeys(deps: ManagementDeps, { userId }: UserPrincipal) {
  return (await listPasskeys(deps.db, userId)).map((one) => toPasskey(deps, one))
}

/** Creates a browser's options to create a passkey; it creates none on an authenticator that already has one of the user. */
export async function beginPasskey(deps: ManagementDeps, user: UserPrincipal) {
  const { userId } = user
  const id = relyingPartyId(deps.config)
  const { email, name } = await getOwnProfile(deps, user)
  return {
    rp: { id, name: deps.config.SERVICE_NAME },
    user: { id: base64url(userHandle(userId)), name: email, displayName: name ?? email },
    challenge: await newChallenge(deps, { purpose: 'register', userId }),
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key' as const, alg })),
    timeout: CHALLENGE_SECONDS * 1_000,
    excludeCredentials: toDescriptors(await listCredentials(deps.db, userId, id)),
    authenticatorSelection: {
      residentKey: 'required' as const,
      requireResidentKey: true as const,
      userVerification: 'required' as const,
    },
    attestation: 'none' as const,
  }
}

/**
 * Adds a passkey to an account.
 *
 * @throws Problem `invalid_passkey`, `passkey_known`, `passkey_limit_reached`
 */
export async function addPasskey(deps: ManagementDeps, user: UserPrincipal, request: z.output<typeof NewPasskey>) {
  const made = await verifyAttestation(deps, user, request.credential)
  if (!made) throw new Problem('invalid_passkey')
  const { aaguid, credential, isSynced, spent } = made
  const now = deps.now()
  const row = {
    id: uuidv7(now),
    userId: user.userId,
    rpId: relyingPartyId(deps.config),
    credentialId: fromBase64(credential.id),
    publicKey: credential.publicKey,
    counter: credential.counter,
    transports: request.credential.response.transports,
    name: request.name ?? nameOf(aaguid),
    isSynced,
    createdAt: new Date(now),
    lastUsedAt: null,
  }
  const passkey = toPasskey(deps, row)
  const mail = notice(deps, await getOwnProfile(deps, user), 'passkey_added')
  try {
    await insertPasskey(deps.db, row, [
      spent,
      audited(deps, { ...actOf(user, row.id), action: 'passkey.added' }),
      mail.insert,
      ...(await keepAnswer(deps, 201, passkey)),
    ])
  } catch (error) {
    throw brokenConstraint(error) === 'passkeys_credential_unique' ? new Problem('passkey_known') : error
  }
  mail.send()
  return passkey
}

/** Checks a new passkey (W3C Web Authentication Level 3, section 7.1). Does not request attestation of the device. */
async function verifyAttestation(
  deps: ManagementDeps,
  { userId }: UserPrincipal,
  credential: z.output<typeof NewPasskey>['credential'],
) {
  const challenge = await findChallenge(deps, credential.response.clientDataJSON, { purpose: 'register', userId })
  if (!challenge) return undefined
  const made = await checkAttestation(deps, credential, challenge.text)
  if (!made) await challenge.forget()
  return made && { ...made, spent: challenge.spent }
}

async function checkAttestation(
  deps: ManagementDeps,
  credential: z.output<typeof NewPasskey>['credential'],
  challenge: string,
) {
  const { verifyRegistrationResponse } = await loadWebAuthn()
  try {
    const { registrationInfo: made } = await verifyRegistrationResponse({
      response: { ...credential, clientExtensionResults: {} },
      expectedChallenge: challenge,
      expectedOrigin: passkeyOrigins(deps.config),
      expectedRPID: relyingPartyId(deps.config),
      requireUserVerification: true,
      supportedAlgorithmIDs: ALGORITHMS,
    })
    return made && { aaguid: made.aaguid, credential: made.credential, isSynced: made.credentialBackedUp }
  } catch (error) {
    log('warn', 'passkey_refused', { request_id: deps.origin.requestId, ...errorFields(error) })
    return undefined
  }
}

/** @throws Problem `not_found` */
export async function renamePasskey(deps: ManagementDeps, user: UserPrincipal, passkeyId: string, name: string) {
  const known = await findOwnPasskey(deps.db, user.userId, passkeyId)
  if (!known) throw new Problem('not_found')
  await runBatch(deps.db, {
    name: updatePasskeyName(deps.db, user.userId, passkeyId, name),
    audit: audited(deps, { ...actOf(user, passkeyId), action: 'passkey.renamed' }),
  })
  return toPasskey(deps, { ...known, name })
}

/**
 * Removes a passkey, and ends every other session: one of them may have been opened with it.
 *
 * @throws Problem `not_found`, `last_way_in`, `passkey_is_second_factor`
 */
export async function removePasskey(deps: ManagementDeps, user: UserPrincipal, passkeyId: string): Promise<void> {
  const { userId, sessionId } = user
  if (!(await findOwnPasskey(deps.db, userId, passkeyId))) throw new Problem('not_found')
  const mail = notice(deps, await getOwnProfile(deps, user), 'passkey_removed')
  await deletePasskey(deps.db, { userId, passkeyId, ways: waysIn(deps.config) }, [
    audited(deps, { ...actOf(user, passkeyId), action: 'passkey.removed' }),
    ...endSessions(deps.db, userId, 'passkey_removed', { now: new Date(deps.now()), except: sessionId }),
    mail.insert,
  ])
  mail.send()
}

const actOf = (user: UserPrincipal, id: string) => ({
  actor: user,
  organizationId: user.organizationId,
  target: { type: 'passkey', id } as const,
})

/** Serializes a passkey. */
function toPasskey({ config }: ManagementDeps, { id, name, rpId, isSynced, createdAt, lastUsedAt }: ShownPasskey) {
  return {
    id,
    name,
    is_synced: isSynced,
    works_here: rpId === relyingPartyId(config),
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  }
}
