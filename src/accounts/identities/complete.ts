import { audited } from '../../audit/record.ts'
import { requireThat, type Statement, tryBatch } from '../../db/batch.ts'
import { brokenConstraint } from '../../db/client.ts'
import type { ProvidedIdentity } from '../../db/schema/identities.ts'
import type { ManagementDeps } from '../../deps.ts'
import { base64url, sha256 } from '../../lib/bytes.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { notice } from '../../mail/notice.ts'
import { Problem } from '../../problems.ts'
import { admit } from '../admit.ts'
import { claimAccount } from '../claim-account.ts'
import { findUserByEmail, selectProfile } from '../queries.ts'
import { registerConfirmed } from '../register-confirmed.ts'
import {
  findByCode,
  findByIdentity,
  insertIdentity,
  isConfirmedAs,
  linkIdentity,
  type SignedInBy,
  stillSignsIn,
  useCode,
  useIdentity,
} from './queries.ts'

export interface CodeProof {
  readonly code: string
  readonly code_verifier: string
}

/** Who signed in, and with which provider. */
export interface Taken {
  readonly provider: string
  readonly identity: ProvidedIdentity
  /** Uses the code, in the batch of its effects: of concurrent uses one succeeds, and a failed batch does not use it. */
  readonly spent: Statement
}

/** @throws Problem `invalid_sign_in` for a code that is unknown, used or expired, or another page's */
export async function takeIdentity(deps: ManagementDeps, { code, code_verifier }: CodeProof): Promise<Taken> {
  const challenge = base64url(sha256(code_verifier))
  const use = { codeHash: sha256(code), challenge, now: new Date(deps.now()) }
  const found = await findByCode(deps.db, use)
  if (!found) throw new Problem('invalid_sign_in')
  return { ...found, spent: useCode(deps.db, use) }
}

/**
 * Signs in with an identity. The account is found by the provider's subject for the person, never by an address that the
 * provider may give to somebody else later. The first time, the identity is linked to the account with its address if both sides
 * have confirmed that address, or else an account is created. If a second factor is enabled, returns a challenge.
 *
 * @throws Problem `identity_unconfirmed` for a new identity without a confirmed address;
 *   `identity_not_linked` if the account with that address has not confirmed it; `registration_closed`,
 *   `registration_domain_not_allowed`; `invalid_credentials` for an account that may not sign in
 */
export async function completeSignIn(deps: ManagementDeps, taken: Taken) {
  const account = (await findByIdentity(deps.db, taken.identity)) ?? (await beginIdentity(deps, taken))
  const { provider, identity, spent } = taken
  const use = { provider, email: identity.email, lastUsedAt: new Date(deps.now()) }
  return admit(deps, account, {
    factor: 'identity',
    detail: { provider },
    holds: stillSignsIn(account.identityId, account.id),
    spent: [spent, useIdentity(deps.db, account.identityId, use)],
  })
}

interface How {
  /** The organization that verified the address's domain: an account is created even if registration is closed. */
  readonly vouchedBy?: string | undefined
  /** Whether they become its member, so that they may claim an account that a stranger may have registered. */
  readonly joins?: boolean | undefined
}

/** Links an identity the first time. @throws Problem, see {@link completeSignIn} */
export async function beginIdentity(deps: ManagementDeps, taken: Taken, how: How = {}): Promise<SignedInBy> {
  const { email, isEmailVerified } = taken.identity
  if (email === null || !isEmailVerified) throw new Problem('identity_unconfirmed')
  try {
    await joinOrRegister(deps, taken, { ...how, email })
  } catch (error) {
    // another request was faster: its row is found below
    if (!brokenConstraint(error)) throw error
  }
  const account = await findByIdentity(deps.db, taken.identity)
  if (!account) throw new Problem('identity_not_linked')
  return account
}

async function joinOrRegister(
  deps: ManagementDeps,
  taken: Taken,
  { email, ...how }: How & { readonly email: string },
): Promise<void> {
  const account = await findUserByEmail(deps.db, email)
  const { provider, identity } = taken
  if (!account)
    return registerConfirmed(
      deps,
      { email, name: identity.name },
      {
        detail: { by: 'identity', provider },
        isInvited: how.vouchedBy !== undefined,
        also: (userId) => [insertIdentity(deps.db, toRow(deps, userId, taken))],
      },
    )
  if (account.emailVerifiedAt === null)
    return claim(deps, taken, { ...how, userId: account.id, isSelfRegistered: account.isSelfRegistered, email })
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

interface Unconfirmed extends How {
  readonly userId: string
  readonly email: string
  readonly isSelfRegistered: boolean
}

/** @throws Problem `identity_not_linked` unless an organization may claim the account for the identity's owner */
async function claim(deps: ManagementDeps, taken: Taken, { vouchedBy, joins, ...account }: Unconfirmed): Promise<void> {
  if (vouchedBy === undefined || !joins) throw new Problem('identity_not_linked')
  const row = toRow(deps, account.userId, taken)
  const { name } = taken.identity
  const done = await tryBatch(deps.db, {
    claim: claimAccount(deps, { ...account, name, organizationId: vouchedBy, by: 'sso' }),
    identity: insertIdentity(deps.db, row),
    audit: auditLinked(deps, account.userId, { ...row, organizationId: vouchedBy }),
  })
  if (!done) throw new Problem('identity_not_linked')
}

/** Builds the row of a new identity. */
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
