import { sql } from 'drizzle-orm'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { memberships } from '../../db/schema/organizations.ts'
import { hasSeatFor } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { maskEmail } from '../../lib/mask-email.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { deleteRemoved } from '../domains/queries.ts'
import { toInvitation } from '../invitation.ts'
import { invitationMail } from '../invitations/mail.ts'
import { type InvitationView, isMemberByEmail, replaceInvitation } from '../invitations/queries.ts'
import { hasRole, requireRole } from '../roles/role.ts'
import { toMember } from './member.ts'
import { findPerson, type MemberView } from './queries.ts'

interface NewMembership {
  /** Never the platform organization: the operator's routes cannot add members there. */
  readonly organization: { readonly id: string; readonly name: string }
  readonly email: string
  readonly role: Role
}

/**
 * Makes an existing user a member immediately. An account whose user may not own its address is refused: invite the address
 * instead, because only the address's owner receives the invitation.
 *
 * @throws Problem `user_not_found`, `role_not_found`, `already_member`, `account_unconfirmed`, `seat_limit_reached`
 */
export async function addMember(
  deps: ManagementDeps,
  operator: Operator,
  { organization, email, role }: NewMembership,
): Promise<MemberView> {
  const { id: organizationId } = organization
  const person = await findPerson(deps.db, email)
  if (!person) throw new Problem('user_not_found')
  const { id: userId } = person
  const createdAt = new Date(deps.now())
  const member: MemberView = { ...person, role, createdAt }
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    known: requireThat(deps.db, hasRole(organizationId, role), 'role_not_found'),
    person: requireThat(deps.db, isKnownPerson(userId), 'account_unconfirmed'),
    newcomer: requireThat(deps.db, sql`not ${isMemberByEmail(organizationId, email)}`, 'already_member'),
    seat: requireThat(deps.db, hasSeatFor(organizationId, email, createdAt), 'seat_limit_reached'),
    audit: audited(deps, {
      action: 'member.added',
      actor: operator,
      organizationId,
      target: { type: 'user', id: userId },
      detail: { role },
    }),
    welcome: deleteRemoved(deps.db, organizationId, userId),
    membership: deps.db.insert(memberships).values({ organizationId, userId, role, createdAt }),
    answer: await keepAnswer(deps, 201, toMember(member, true)),
  })
  return member
}

/** Whether the account certainly belongs to the owner of its address. */
const isKnownPerson = (userId: string) =>
  sql`exists (select from users u where u.id = ${userId}::uuid and (u.email_verified_at is not null or not u.is_self_registered))`

/**
 * Invites an address by email, and replaces an earlier invitation to the same address.
 *
 * @throws Problem `role_not_found`, `already_member`, `seat_limit_reached`, `rate_limited`
 */
export async function inviteMember(
  deps: ManagementDeps,
  operator: Operator,
  { organization, email, role }: NewMembership,
): Promise<InvitationView> {
  const { id: organizationId } = organization
  await requireRole(deps, organizationId, role)
  await enforceRateLimits(deps, {
    invitation_organization_recipient: { account: `${organizationId}|${email}` },
  })
  const mail = invitationMail(deps, { email, role, organization: organization.name, inviter: undefined })
  const { tokenHash, createdAt, expiresAt } = mail
  const id = uuidv7(createdAt.getTime())
  const row = { id, organizationId, email, role, tokenHash, invitedBy: null, isByOperator: true, createdAt, expiresAt }
  const sent: InvitationView = { ...row, status: 'pending', acceptedAt: null, isClosed: false }
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    known: requireThat(deps.db, hasRole(organizationId, role), 'role_not_found'),
    newcomer: requireThat(deps.db, sql`not ${isMemberByEmail(organizationId, email)}`, 'already_member'),
    seat: requireThat(deps.db, hasSeatFor(organizationId, email, createdAt), 'seat_limit_reached'),
    audit: audited(deps, {
      action: 'invitation.sent',
      actor: operator,
      organizationId,
      target: { type: 'invitation', id },
      detail: { email: maskEmail(email), role },
    }),
    invitation: replaceInvitation(deps.db, row),
    mail: mail.insert,
    answer: await keepAnswer(deps, 202, toInvitation(sent)),
  })
  mail.send()
  return sent
}
