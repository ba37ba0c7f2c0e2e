import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { confirmAddress, findInvited, registerInvited, requireInvited } from '../../accounts/register-invited.ts'
import { audited } from '../../audit/record.ts'
import { loadSession } from '../../auth/load-session.ts'
import { isMember } from '../../auth/role-permissions.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { hasSeat } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { sha256, sha256Hex } from '../../lib/bytes.ts'
import { enforceRateLimits, networkAddress } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import type { Acceptance, Accepted } from '../schemas.ts'
import { acceptInvitation, type FoundInvitation, findByToken, holds, isAcceptable } from './queries.ts'

/** An invitation and the token that was presented for it. */
interface PresentedInvitation {
  readonly invitation: FoundInvitation
  readonly tokenHash: Uint8Array
}

/**
 * Accepts an invitation. Its token proves ownership of the address that it was sent to. In addition, accepting requires a
 * session or the password of the account with that address, or a password for a new account. It signs nobody in.
 *
 * @param credential the access token of the request, if it has one
 * @throws Problem `invalid_token`, the same for all causes; `invitation_for_other`, `account_exists`, `already_member`,
 *   `seat_limit_reached`, `wrong_password`; for a new account `registration_domain_not_allowed`, or `invalid_request`
 */
export async function accept(
  deps: ManagementDeps,
  request: z.output<typeof Acceptance>,
  credential: string | undefined,
): Promise<z.output<typeof Accepted>> {
  await enforceRateLimits(deps, {
    email_token_address: { address: networkAddress(deps) },
    email_token_token: { account: sha256Hex(request.token) },
  })
  const userId = credential === undefined ? undefined : await requireSignedIn(deps, credential)
  const tokenHash = sha256(request.token)
  const invitation = await findByToken(deps.db, tokenHash, new Date(deps.now()))
  if (!invitation) throw new Problem('invalid_token')
  const presented = { invitation, tokenHash }
  return userId === undefined ? acceptUnknown(deps, presented, request) : acceptSignedIn(deps, presented, userId)
}

/** @throws Problem `unauthenticated`, `user_only`, `forbidden_while_impersonating` */
async function requireSignedIn(deps: ManagementDeps, credential: string): Promise<string> {
  if (!credential.includes('.')) throw new Problem('user_only')
  const session = await loadSession(deps, credential)
  if (!session) throw new Problem('unauthenticated')
  if (session.impersonatorId !== null) throw new Problem('forbidden_while_impersonating')
  return session.userId
}

async function acceptSignedIn(deps: ManagementDeps, presented: PresentedInvitation, userId: string) {
  const account = await findInvited(deps, presented.invitation.email)
  if (account?.id !== userId) throw new Problem('invitation_for_other')
  return acceptAs(deps, presented, userId)
}

async function acceptUnknown(
  deps: ManagementDeps,
  presented: PresentedInvitation,
  request: z.output<typeof Acceptance>,
) {
  const { email, status } = presented.invitation
  if (status !== 'pending') throw new Problem('invalid_token')
  const account = await findInvited(deps, email)
  if (!account) return acceptAsNew(deps, presented, request)
  if (request.password === undefined) throw new Problem('account_exists')
  await requireInvited(deps, account, request.password)
  return acceptAs(deps, presented, account.id)
}

async function acceptAs(deps: ManagementDeps, presented: PresentedInvitation, userId: string) {
  const { db } = deps
  const done = await tryBatch(db, {
    membership: addMembership(deps, presented, userId),
    address: confirmAddress(deps, userId, presented.invitation.email),
  })
  if (!done) throw await whyNot(deps, presented, userId)
  return toAccepted(presented, userId, false)
}

async function acceptAsNew(
  deps: ManagementDeps,
  presented: PresentedInvitation,
  { password, name }: z.output<typeof Acceptance>,
) {
  if (password === undefined) {
    const message = 'is required: the invited address has no account yet'
    throw new Problem('invalid_request', { errors: [{ path: 'body.password', message }] })
  }
  const person = { email: presented.invitation.email, password, name }
  const userId = await registerInvited(deps, person, (id) => addMembership(deps, presented, id))
  // another request used or revoked it, or registered the address meanwhile
  if (userId === undefined) throw new Problem('invalid_token')
  return toAccepted(presented, userId, true)
}

/** Statements that use the token and add the member. They abort the batch if that is not possible. */
function addMembership(deps: ManagementDeps, { invitation, tokenHash }: PresentedInvitation, userId: string) {
  const { id, organizationId, role } = invitation
  const now = new Date(deps.now())
  return [
    lockOrganization(deps.db, organizationId),
    requireThat(deps.db, sql`${isAcceptable(tokenHash, now)} and not ${isMember(organizationId, userId)}`),
    requireThat(deps.db, hasSeat(organizationId), 'seat_limit_reached'),
    audited(deps, {
      action: 'invitation.accepted',
      actor: userId,
      organizationId,
      target: { type: 'invitation', id },
      detail: { role, user_id: userId },
    }),
    ...acceptInvitation(deps.db, invitation, userId, now),
  ] as const
}

async function whyNot(deps: ManagementDeps, { invitation }: PresentedInvitation, userId: string): Promise<Problem> {
  const isThere = await holds(deps.db, isMember(invitation.organizationId, userId))
  return new Problem(isThere ? 'already_member' : 'invalid_token')
}

function toAccepted({ invitation }: PresentedInvitation, userId: string, isNew: boolean): z.output<typeof Accepted> {
  return {
    organization_id: invitation.organizationId,
    organization_name: invitation.organizationName,
    role: invitation.role,
    user_id: userId,
    is_new_account: isNew,
  }
}
