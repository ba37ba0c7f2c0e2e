import { audited } from '../audit/record.ts'
import type { Statement } from '../db/batch.ts'
import type { ManagementDeps } from '../deps.ts'
import { Problem } from '../problems.ts'
import { isAdmitted } from './registration.ts'
import { type FirstFactor, openSession, type SessionProof, type SignOn } from './sessions/open.ts'
import { openChallenge } from './two-factor/challenge.ts'

/** An account whose owner has just authenticated. */
export interface Owned {
  readonly id: string
  readonly isActive: boolean
  readonly emailVerifiedAt: Date | null
  readonly hasTwoFactor: boolean
  readonly homeOrganizationId: string | null
}

interface Means {
  readonly factor: FirstFactor
  /** Additional details for the audit row. */
  readonly detail?: Readonly<Record<string, unknown>>
  /** What must still hold. */
  readonly holds: NonNullable<SessionProof['holds']>
  /** Statements that use up the code, in the batch of the session or the challenge. */
  readonly spent: readonly Statement[]
  readonly sso?: SignOn
}

/**
 * Admits an account's owner who signed in without a password: opens a session, or a challenge for the second factor.
 *
 * @throws Problem `invalid_credentials` for an account that may not sign in
 */
export async function admit(deps: ManagementDeps, account: Owned, { factor, detail, holds, spent, sso }: Means) {
  if (!isAdmitted(deps.config, account)) throw await refuse(deps, account.id, { factor, ...detail })
  if (account.hasTwoFactor)
    return openChallenge(deps, account.id, { firstFactor: factor, ssoConnectionId: sso?.connectionId ?? null, spent })
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

/** The problem for the owner of an account that may not sign in. */
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
