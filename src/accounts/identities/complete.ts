import { audited } from '../../audit/record.ts'
import { requireThat } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ProvidedIdentity } from '../../db/schema/identities.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { admit } from '../admit.ts'
import { findUserByEmail, selectProfile } from '../queries.ts'
import { registerConfirmed } from '../register-confirmed.ts'
import {
  claimCode,
  findByIdentity,
  insertIdentity,
  isConfirmedAs,
  linkIdentity,
  type SignedInBy,
  stillSignsIn,
  useIdentity,
} from './queries.ts'

export interface CodeProof {
  readonly code: string
  readonly code_verifier: string
}

/** Who signed in, and by which provider. */
export interface Taken {
  readonly provider: string
  readonly identity: ProvidedIdentity
}

/** @throws Problem `invalid_sign_in` for a code that is unknown, used or expired, or another page's */
export async function takeIdentity(deps: ManagementDeps, { code, code_verifier }: CodeProof): Promise<Taken> {
  const challenge = base64url(sha256(code_verifier))
  const taken = await claimCode(deps.db, sha256(code), { challenge, now: new Date(deps.now()) })
  if (!taken) throw new Problem('invalid_sign_in')
  return taken
}

/**
 * Signs in with an identity. It finds its account by the provider's own name for the person, never by an address that the
 * provider may give to somebody else later. The first time, it joins the account of its address if both sides have confirmed
 * that address, or makes an account. With a second factor enabled, the answer is a challenge.
 *
 * @throws Problem `identity_unconfirmed` for a new identity without a confirmed address;
 *   `identity_not_linked` when the account of the address has not confirmed it; `registration_closed`,
 *   `registration_domain_not_allowed`; `invalid_credentials` for an account that may not sign in
 */
export async function completeSignIn(deps: ManagementDeps, taken: Taken) {
  const account = (await findByIdentity(deps.db, taken.identity)) ?? (await beginIdentity(deps, taken))
  const { provider, identity } = taken
  const use = { provider, email: identity.email, lastUsedAt: new Date(deps.now()) }
  return admit(deps, account, {
    factor: 'identity',
    detail: { provider },
    holds: stillSignsIn(account.identityId, account.id),
    spent: [useIdentity(deps.db, account.identityId, use)],
  })
}

interface How {
  /** Whether somebody who may invite vouches for them, so that an account is made also where nobody registers alone. */
  readonly isInvited?: boolean | undefined
}

/** Links an identity the first time. @throws Problem, see {@link completeSignIn} */
export async function beginIdentity(deps: ManagementDeps, taken: Taken, how: How = {}): Promise<SignedInBy> {
  const { email, isEmailVerified } = taken.identity
  if (email === null || !isEmailVerified) throw new Problem('identity_unconfirmed')
  try {
    await joinOrRegister(deps, taken, { ...how, email })
  } catch (error) {
    // another request was faster: what it made is found below
    if (!brokenConstraint(error)) throw error
  }
  const account = await findByIdentity(deps.db, taken.identity)
  if (!account) throw new Problem('identity_not_linked')
  return account
}

async function joinOrRegister(
  deps: ManagementDeps,
  taken: Taken,
  { email, isInvited }: How & { readonly email: string },
): Promise<void> {
  const account = await findUserByEmail(deps.db, email)
  const { provider, identity } = taken
  if (!account)
    return registerConfirmed(
      deps,
      { email, name: identity.name },
      {
        detail: { by: 'identity', provider },
        isInvited,
        also: (userId) => [insertIdentity(deps.db, toRow(deps, userId, taken))],
      },
    )
  if (account.emailVerifiedAt === null) throw new Problem('identity_not_linked')
  const profile = await selectProfile(deps.db, account.id, account.homeOrganizationId)
  if (!profile) throw new Problem('identity_not_linked')
  const mail = notice(deps, profile, 'identity_linked')
  const row = toRow(deps, account.id, taken)
  await linkIdentity(deps.db, row, {
    holds: requireThat(deps.db, isConfirmedAs(account.id, email), 'identity_not_linked'),
    also: [auditLinked(deps, account.id, { ...row, organizationId: account.homeOrganizationId }), mail.insert],
  })
  mail.send()
}

/** The row of a new identity. */
export function toRow(deps: ManagementDeps, userId: string, { provider, identity }: Taken) {
  const now = deps.now()
  const { issuer, subject, email } = identity
  return { id: uuidv7(now), userId, provider, issuer, subject, email, createdAt: new Date(now), lastUsedAt: null }
}

interface Linked {
  readonly id: string
  readonly provider: string
  readonly organizationId: string | null
}

function auditLinked(deps: ManagementDeps, userId: string, { id, provider, organizationId }: Linked) {
  const target = { type: 'identity', id } as const
  return audited(deps, { action: 'identity.linked', actor: userId, organizationId, target, detail: { provider } })
}
