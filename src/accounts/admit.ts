import { audited } from '../audit/record.ts'
import { runBatch, type Statement } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { isAdmitted } from './registration.ts'
import { type FirstFactor, openSession, type SessionProof, type SignOn } from './sessions/open.ts'
import { openChallenge } from './two-factor/challenge.ts'

/** An account whose owner has just proved who they are. */
export interface Owned {
  readonly id: string
  readonly isActive: boolean
  readonly emailVerifiedAt: Date | null
  readonly hasTwoFactor: boolean
  readonly homeOrganizationId: string | null
}

interface Means {
  readonly factor: FirstFactor
  /** What else the audit row tells. */
  readonly detail?: Readonly<Record<string, unknown>>
  /** What must still hold. */
  readonly holds: NonNullable<SessionProof['holds']>
  readonly spent?: readonly Statement[]
  readonly sso?: SignOn
}

/**
 * Lets the owner of an account in, who gave no password: into a session, or to the challenge of a second factor.
 *
 * @throws Problem `invalid_credentials` for an account that may not sign in
 */
export async function admit(deps: ManagementDeps, account: Owned, { factor, detail, holds, spent = [], sso }: Means) {
  if (!isAdmitted(deps.config, account)) throw await refuse(deps, account.id, { factor, ...detail })
  if (account.hasTwoFactor) {
    if (spent.length > 0) await runBatch(deps.db, { spent })
    return openChallenge(deps, account.id, factor, sso?.connectionId)
  }
  const organizationId = account.homeOrganizationId
  return openSession(deps, account.id, {
    factors: [factor],
    ...(detail && { detail }),
    holds,
    organizationId,
    spent,
    sso,
  })
}

/** What an account that may not sign in answers to its owner. */
export async function refuse(
  deps: ManagementDeps,
  userId: string,
  detail: Readonly<Record<string, unknown>>,
): Promise<Problem> {
  await audited(deps, { action: 'login.failed', actor: userId, result: 'failure', detail })
  return new Problem('invalid_credentials', {
    detail: 'This account cannot be signed in to: it is disabled, or its email address is not confirmed yet.',
  })
}
