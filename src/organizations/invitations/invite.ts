import { type SQL, sql } from 'drizzle-orm'
import type * as z from 'zod'
import { keepAnswer } from '../../api/idempotency.ts'
import { audited } from '../../audit/record.ts'
import { actsAsOperator, requireHoldsAll } from '../../auth/organization-access.ts'
import type { Manager } from '../../auth/principal.ts'
import { mayGive } from '../../auth/role-permissions.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, runBatch, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { isAddressOf } from '../../db/own-address.ts'
import { hasSeatFor } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { maskEmail } from '../../lib/mask-email.ts'
import { uuidv7 } from '../../lib/uuid.ts'
import { enforceRateLimits } from '../../limits/endpoint-limits.ts'
import { Problem } from '../../problems.ts'
import { requirePresent, requireProtected } from '../admin-two-factor.ts'
import { toInvitation } from '../invitation.ts'
import { findMember } from '../members/queries.ts'
import { findName } from '../queries.ts'
import { hasRole, requireRole } from '../roles/role.ts'
import type { NewInvitation } from '../schemas.ts'
import { invitationMail } from './mail.ts'
import {
  findInvitation,
  holds,
  type InvitationRef,
  type InvitationView,
  isMemberByEmail,
  isUnansweredOne,
  renewInvitation,
  replaceInvitation,
  revokeInvitation,
} from './queries.ts'

/**
 * Invites an address by email, and replaces an earlier invitation to the same address.
 *
 * @throws Problem `forbidden` if the role allows more than the inviter's own, `role_not_found`, `already_member`,
 *   `seat_limit_reached`, `rate_limited`; `reauthentication_required` for the platform organization
 */
export async function invite(
  deps: ManagementDeps,
  manager: Manager,
  organizationId: string,
  { email, role }: Pick<z.output<typeof NewInvitation>, 'email' | 'role'>,
): Promise<InvitationView> {
  const backer = await requireMayInvite(deps, manager, organizationId, role)
  requirePresent(deps, manager, organizationId)
  await spendOn(deps, backer, organizationId, email)
  const mail = await buildMail(deps, backer, organizationId, { email, role })
  const { tokenHash, createdAt, expiresAt } = mail
  const id = uuidv7(createdAt.getTime())
  const { invitedBy, isByOperator, mayInvite } = backer
  const row = { id, organizationId, email, role, tokenHash, invitedBy, isByOperator, createdAt, expiresAt }
  const sent: InvitationView = { ...row, status: 'pending', acceptedAt: null, isClosed: false }
  const kept = await keepAnswer(deps, 201, toInvitation(sent))
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    newcomer: requireThat(deps.db, sql`not ${isMemberByEmail(organizationId, email)}`, 'already_member'),
    allowed: requireThat(deps.db, mayInvite, 'forbidden'),
    seat: requireThat(deps.db, hasSeatFor(organizationId, email, createdAt), 'seat_limit_reached'),
    audit: audited(deps, {
      action: 'invitation.sent',
      actor: manager,
      organizationId,
      target: { type: 'invitation', id },
      detail: { email: maskEmail(email), role },
    }),
    invitation: replaceInvitation(deps.db, row),
    mail: mail.insert,
    answer: kept,
  })
  mail.send()
  return sent
}

/**
 * Sends an open or expired invitation again, with a new link and another 7 days. The old link stops working.
 *
 * @throws Problem `invitation_not_found`, `forbidden`, `already_member`, `seat_limit_reached`, `rate_limited`
 */
export async function resendInvitation(
  deps: ManagementDeps,
  manager: Manager,
  ref: InvitationRef,
): Promise<InvitationView> {
  const { organizationId, id } = ref
  const open = await getInvitation(deps, ref)
  const { email, role } = open
  if (open.isClosed) throw new Problem('invitation_not_found')
  const backer = await requireMayInvite(deps, manager, organizationId, role)
  if (await holds(deps.db, isMemberByEmail(organizationId, email))) throw new Problem('already_member')
  await spendOn(deps, backer, organizationId, email)
  const mail = await buildMail(deps, backer, organizationId, { email, role })
  const { tokenHash, expiresAt } = mail
  const renewed: InvitationView = { ...open, status: 'pending', expiresAt, invitedBy: backer.invitedBy }
  const kept = await keepAnswer(deps, 200, toInvitation(renewed))
  const mayResend = sql`${backer.mayInvite} and ${isUnansweredOne(ref)}`
  await runBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    allowed: requireThat(deps.db, mayResend, 'invitation_not_found'),
    seat: requireThat(deps.db, hasSeatFor(organizationId, email, mail.createdAt), 'seat_limit_reached'),
    audit: audited(deps, {
      action: 'invitation.resent',
      actor: manager,
      organizationId,
      target: { type: 'invitation', id },
      detail: { email: maskEmail(email), role },
    }),
    invitation: renewInvitation(deps.db, ref, { tokenHash, expiresAt, ...toColumns(backer) }),
    mail: mail.insert,
    answer: kept,
  })
  mail.send()
  return renewed
}

/** Revokes an invitation, so that its link stops working. Idempotent. @throws Problem `invitation_not_found` */
export async function cancelInvitation(deps: ManagementDeps, manager: Manager, ref: InvitationRef): Promise<void> {
  const { organizationId, id } = ref
  const done = await tryBatch(deps.db, {
    lock: lockOrganization(deps.db, organizationId),
    open: requireThat(deps.db, isUnansweredOne(ref)),
    audit: audited(deps, {
      action: 'invitation.revoked',
      actor: manager,
      organizationId,
      target: { type: 'invitation', id },
    }),
    invitation: revokeInvitation(deps.db, ref, new Date(deps.now())),
  })
  if (done) return
  const { status } = await getInvitation(deps, ref)
  if (status === 'accepted') throw new Problem('invitation_not_found')
}

async function getInvitation(deps: ManagementDeps, ref: InvitationRef): Promise<InvitationView> {
  const row = await findInvitation(deps.db, ref, new Date(deps.now()))
  if (!row) throw new Problem('invitation_not_found')
  return row
}

/** Who backs an invitation: a member, as long as they may invite, or the operator. */
interface Backer {
  readonly invitedBy: string | null
  readonly isByOperator: boolean
  /** Whether they may still invite, at this point of the batch. */
  readonly mayInvite: SQL
}

/** @throws Problem `role_not_found`, `forbidden`, `two_factor_required` */
async function requireMayInvite(
  deps: ManagementDeps,
  manager: Manager,
  organizationId: string,
  role: Role,
): Promise<Backer> {
  const permissions = await requireRole(deps, organizationId, role)
  if (manager.kind === 'service' || actsAsOperator(manager, 'members:write', organizationId))
    return { invitedBy: null, isByOperator: true, mayInvite: hasRole(organizationId, role) }
  requireHoldsAll(manager, organizationId, permissions)
  requireProtected(deps, manager, organizationId)
  const { userId } = manager
  return { invitedBy: userId, isByOperator: false, mayInvite: mayGive(organizationId, userId, role) }
}

/** An invitation that the operator sent stays the operator's when a member sends it again. */
const toColumns = ({ invitedBy, isByOperator }: Backer) => ({ invitedBy, ...(isByOperator && { isByOperator }) })

/** The recipient's limit does not apply within the organization's own domains: any organization can exhaust it. */
async function spendOn(
  deps: ManagementDeps,
  { invitedBy, isByOperator }: Backer,
  organizationId: string,
  email: string,
): Promise<void> {
  const isStranger = !isByOperator && !(await holds(deps.db, isAddressOf(organizationId, sql`${email}`)))
  await enforceRateLimits(deps, {
    ...(invitedBy !== null && { invitation_user: { account: invitedBy } }),
    invitation_organization: { account: organizationId },
    invitation_organization_recipient: { account: `${organizationId}|${email}` },
    ...(isStranger && { invitation_recipient: { account: email } }),
  })
}

async function buildMail(
  deps: ManagementDeps,
  { invitedBy }: Backer,
  organizationId: string,
  offer: { readonly email: string; readonly role: Role },
) {
  const organization = await findName(deps.db, organizationId)
  if (organization === undefined) throw new Problem('organization_not_found')
  if (invitedBy === null) return invitationMail(deps, { ...offer, organization, inviter: undefined })
  const inviter = await findMember(deps.db, organizationId, invitedBy)
  return invitationMail(deps, { ...offer, organization, inviter: inviter?.name ?? null })
}
