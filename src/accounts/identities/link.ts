import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { UserPrincipal } from '../../auth/principal.ts'
import { issuerOf } from '../../config-providers.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ManagementDeps } from '../../deps.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { endSessions } from '../email/queries.ts'
import { connectionIdIn } from '../sso/connection.ts'
import { getOwnProfile } from '../user.ts'
import { waysIn } from '../ways-in.ts'
import { takeIdentity, toRow } from './complete.ts'
import {
  deleteIdentity,
  findByIdentity,
  findOwnIdentity,
  isActive,
  linkIdentity,
  listIdentities,
  type ShownIdentity,
} from './queries.ts'

interface Proof {
  readonly code: string
  readonly code_verifier: string
}

/** Lists the identities that sign in to an account. */
export async function listOwnIdentities(deps: ManagementDeps, { userId }: UserPrincipal) {
  return (await listIdentities(deps.db, userId)).map((one) => toIdentity(deps, one))
}

/**
 * Links an identity to the signed-in user's account; it may have any address. An identity that is already linked to the
 * account stays as it is.
 *
 * @throws Problem `invalid_sign_in`, `identity_taken`
 */
export async function linkOwnIdentity(deps: ManagementDeps, user: UserPrincipal, proof: Proof) {
  const taken = await takeIdentity(deps, proof)
  // an organization's provider counts only for signing in to that organization
  if (connectionIdIn(taken.provider) !== undefined) throw new Problem('invalid_sign_in')
  const row = toRow(deps, user.userId, taken)
  const mail = notice(deps, await getOwnProfile(deps, user), 'identity_linked')
  const answer = await keepAnswer(deps, 200, toIdentity(deps, row))
  const linked = audited(deps, {
    ...actOf(user, row.id),
    action: 'identity.linked',
    detail: { provider: row.provider },
  })
  try {
    await linkIdentity(deps.db, row, {
      holds: requireThat(deps.db, isActive(user.userId), 'unauthenticated'),
      also: [taken.spent, linked, mail.insert, ...answer],
    })
  } catch (error) {
    if (brokenConstraint(error) !== 'identities_subject_unique') throw error
    await runBatch(deps.db, { spent: taken.spent })
    const owner = await findByIdentity(deps.db, taken.identity)
    const known = owner?.id === user.userId && (await findOwnIdentity(deps.db, user.userId, owner.identityId))
    if (!known) throw new Problem('identity_taken')
    return toIdentity(deps, known)
  }
  mail.send()
  return toIdentity(deps, row)
}

/**
 * Unlinks an identity, and ends every other session: one of them may have been opened with it.
 *
 * @throws Problem `not_found`, `last_way_in`
 */
export async function unlinkOwnIdentity(deps: ManagementDeps, user: UserPrincipal, identityId: string): Promise<void> {
  const { userId, sessionId } = user
  const known = await findOwnIdentity(deps.db, userId, identityId)
  if (!known) throw new Problem('not_found')
  const mail = notice(deps, await getOwnProfile(deps, user), 'identity_unlinked')
  const now = new Date(deps.now())
  await deleteIdentity(deps.db, { userId, identityId, ways: waysIn(deps.config) }, [
    audited(deps, { ...actOf(user, identityId), action: 'identity.unlinked', detail: { provider: known.provider } }),
    ...endSessions(deps.db, userId, 'identity_unlinked', { now, except: sessionId }),
    mail.insert,
  ])
  mail.send()
}

const actOf = (user: UserPrincipal, id: string) => ({
  actor: user,
  organizationId: user.organizationId,
  target: { type: 'identity', id } as const,
})

/** Serializes an identity. */
function toIdentity({ config }: ManagementDeps, { id, provider, issuer, email, createdAt, lastUsedAt }: ShownIdentity) {
  const known = config.SIGN_IN_PROVIDERS.find((one) => issuerOf(one) === issuer)
  return {
    id,
    provider: known?.id ?? provider,
    provider_name: known?.name ?? (connectionIdIn(provider) === undefined ? provider : 'Single sign-on'),
    email,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  }
}
