import { sql } from 'drizzle-orm'
import type * as z from 'zod'
import { audited } from '../../audit/record.ts'
import type { Operator } from '../../auth/principal.ts'
import { requireThat, runBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { memberships } from '../../db/schema/organizations.ts'
import type { ManagementDeps } from '../../deps.ts'
import { maskEmail } from '../../lib/mask-email.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { invitationMail } from '../../organizations/invitations/mail.ts'
import { type InvitationView, isMemberByEmail, replaceInvitation } from '../../organizations/invitations/queries.ts'
import { findMember, type MemberView } from '../../organizations/members/queries.ts'
import { Problem } from '../../problems.ts'
import { findUserId } from '../users/queries.ts'
import { getOrganization } from './organization.ts'
import { isCustomer } from './queries.ts'
import type { NewMember } from './schemas.ts'

type Wish = z.output<typeof NewMember>

/** A back end lets nobody into the platform organization: that would make an administrator. */
const customerOnly = (deps: ManagementDeps, organizationId: string) =>
  requireThat(deps.db, isCustomer(organizationId), 'platform_organization')

/**
 * Makes a user that exists a member at once.
 *
 * @throws Problem `organization_not_found`, `platform_organization`, `user_not_found`, `already_member`
 */
export async function addMember(
  deps: ManagementDeps,
  operator: Operator,
  organizationId: string,
  { email, role }: Wish,
): Promise<MemberView> {
  await getOrganization(deps, organizationId)
  const userId = await findUserId(deps.db, email)
  if (!userId) throw new Problem('user_not_found')
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    customer: customerOnly(deps, organizationId),
    newcomer: requireThat(deps.db, sql`not ${isMemberByEmail(organizationId, email)}`, 'already_member'),
    audit: audited(deps, {
      action: 'member.added',
      actor: operator,
      organizationId,
      target: { type: 'user', id: userId },
      detail: { role },
    }),
    membership: deps.db.insert(memberships).values({ organizationId, userId, role, createdAt: new Date(deps.now()) }),
  })
  const member = await findMember(deps.db, organizationId, userId)
  if (!member) throw new Problem('member_not_found')
  return member
}

/**
 * Offers a seat by email, in the place of an earlier offer to the same address.
 *
 * @throws Problem `organization_not_found`, `platform_organization`, `already_member`, `rate_limited`
 */
export async function inviteMember(
  deps: ManagementDeps,
  operator: Operator,
  organizationId: string,
  { email, role }: Wish,
): Promise<InvitationView> {
  const { name: organization } = await getOrganization(deps, organizationId)
  await enforceRateLimits(deps, {
    invitation_organization_recipient: { account: `${organizationId}|${email}` },
    invitation_recipient: { account: email },
  })
  const mail = invitationMail(deps, { email, role, organization, inviter: null })
  const { tokenHash, createdAt, expiresAt } = mail
  const id = uuidv7(createdAt.getTime())
  const row = { id, organizationId, email, role, tokenHash, invitedBy: null, createdAt, expiresAt }
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    customer: customerOnly(deps, organizationId),
    newcomer: requireThat(deps.db, sql`not ${isMemberByEmail(organizationId, email)}`, 'already_member'),
    audit: audited(deps, {
      action: 'invitation.sent',
      actor: operator,
      organizationId,
      target: { type: 'invitation', id },
      detail: { email: maskEmail(email), role },
    }),
    invitation: replaceInvitation(deps.db, row),
    mail: mail.insert,
  })
  mail.send()
  return { ...row, status: 'pending', acceptedAt: null, isClosed: false }
}
