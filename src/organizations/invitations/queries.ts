import { and, desc, eq, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { isGivableBy, selectPermissions } from '../../auth/role-permissions.ts'
import type { Role } from '../../auth/roles.ts'
import type { Database } from '../../db/orm.ts'
import { bytesParameter } from '../../db/schema/columns.ts'
import { invitations, memberships, organizations } from '../../db/schema/organizations.ts'
import { deleteRemoved } from '../domains/queries.ts'

type Status = 'pending' | 'accepted' | 'revoked' | 'expired'

const OFFERED = { organization: sql`invitations.organization_id`, role: sql`invitations.role` }

/**
 * Whether the role exists, and the operator sent the invitation or the inviter may still invite for the role. An invitation is
 * revoked when its inviter's membership ends, and suspended while their account is disabled.
 */
const isBacked = sql`((invitations.is_by_operator and ${selectPermissions(OFFERED.organization, OFFERED.role)} is not null)
  or exists (
  select 1 from memberships s join users u on u.id = s.user_id and u.is_active
  where s.organization_id = invitations.organization_id and s.user_id = invitations.invited_by
    and ${isGivableBy(OFFERED.organization, sql`s.role`, OFFERED.role)}))`

const statusAt = (now: Date) => sql<Status>`case
  when invitations.accepted_at is not null then 'accepted'
  when invitations.revoked_at is not null then 'revoked'
  when invitations.expires_at <= ${now.toISOString()}::timestamptz then 'expired'
  when not ${isBacked} then 'revoked'
  else 'pending' end`

const selectColumns = (now: Date) => ({
  id: invitations.id,
  email: invitations.email,
  role: invitations.role,
  status: statusAt(now),
  invitedBy: invitations.invitedBy,
  createdAt: invitations.createdAt,
  expiresAt: invitations.expiresAt,
  acceptedAt: invitations.acceptedAt,
  isClosed: sql<boolean>`(invitations.accepted_at is not null or invitations.revoked_at is not null)`,
})

export type InvitationView = NonNullable<Awaited<ReturnType<typeof findInvitation>>>

/** Identifies one invitation of an organization. */
export interface InvitationRef {
  readonly organizationId: string
  readonly id: string
}

const matchesInvitation = ({ organizationId, id }: InvitationRef) =>
  and(eq(invitations.id, id), eq(invitations.organizationId, organizationId))

export async function findInvitation(db: Database, invitation: InvitationRef, now: Date) {
  const [row] = await db.select(selectColumns(now)).from(invitations).where(matchesInvitation(invitation))
  return row
}

interface Page {
  readonly status: Status | undefined
  readonly limit: number
  readonly after: string | undefined
  readonly now: Date
}

/** Selects one page of an organization's invitations, newest first, plus one row if there is another page. */
export function listInvitations(db: Database, organizationId: string, { status, limit, after, now }: Page) {
  return db
    .select(selectColumns(now))
    .from(invitations)
    .where(
      and(
        eq(invitations.organizationId, organizationId),
        after ? lt(invitations.id, after) : undefined,
        status && sql`${statusAt(now)} = ${status}`,
      ),
    )
    .orderBy(desc(invitations.id))
    .limit(limit + 1)
}

/** Finds the invitation of a token, in any state. */
export async function findByToken(db: Database, tokenHash: Uint8Array, now: Date) {
  const [row] = await db
    .select({
      id: invitations.id,
      organizationId: invitations.organizationId,
      organizationName: organizations.name,
      email: invitations.email,
      role: invitations.role,
      status: statusAt(now),
    })
    .from(invitations)
    .innerJoin(organizations, eq(organizations.id, invitations.organizationId))
    .where(eq(invitations.tokenHash, tokenHash))
  return row
}

export type FoundInvitation = NonNullable<Awaited<ReturnType<typeof findByToken>>>

const isUnanswered = and(isNull(invitations.acceptedAt), isNull(invitations.revokedAt))

/** Whether an invitation is neither accepted nor revoked, at this point of the batch. */
export const isUnansweredOne = ({ organizationId, id }: InvitationRef) => sql`exists (
  select 1 from invitations where id = ${id}::uuid and organization_id = ${organizationId}::uuid
    and accepted_at is null and revoked_at is null)`

/** Whether a token can be used, at this point of the batch. */
export const isAcceptable = (tokenHash: Uint8Array, now: Date) => sql`exists (
  select 1 from invitations where token_hash = ${bytesParameter(tokenHash)} and ${statusAt(now)} = 'pending')`

/** Whether the person with an address is a member. */
export const isMemberByEmail = (organizationId: string, email: string) => sql`exists (
  select 1 from memberships m join users u on u.id = m.user_id
  where m.organization_id = ${organizationId}::uuid and u.email = ${email})`

/** Whether a condition of a refused batch holds now, to find out why it was refused. */
export async function holds(db: Database, condition: SQL): Promise<boolean> {
  const { rows } = await db.execute<{ holds: boolean }>(sql`select ${condition} as holds`)
  return rows[0]?.holds ?? false
}

/** Statements that store an invitation and replace an earlier one to the same address. */
export function replaceInvitation(db: Database, invitation: typeof invitations.$inferInsert) {
  const { organizationId, email, createdAt } = invitation
  return [
    db
      .update(invitations)
      .set({ revokedAt: createdAt ?? null })
      .where(and(eq(invitations.organizationId, organizationId), eq(invitations.email, email), isUnanswered)),
    db.insert(invitations).values(invitation),
  ] as const
}

/** Gives an invitation a new token. The old one stops working. */
export function renewInvitation(
  db: Database,
  invitation: InvitationRef,
  renewed: {
    readonly tokenHash: Uint8Array
    readonly expiresAt: Date
    readonly invitedBy: string | null
    readonly isByOperator?: boolean
  },
) {
  return db.update(invitations).set(renewed).where(matchesInvitation(invitation))
}

export function revokeInvitation(db: Database, invitation: InvitationRef, at: Date) {
  return db
    .update(invitations)
    .set({ revokedAt: at })
    .where(and(matchesInvitation(invitation), isUnanswered))
}

/** Statements that accept an invitation and add its member. */
export function acceptInvitation(
  db: Database,
  { id, organizationId, role }: InvitationRef & { readonly role: Role },
  userId: string,
  at: Date,
) {
  return [
    db.update(invitations).set({ acceptedAt: at }).where(matchesInvitation({ organizationId, id })),
    deleteRemoved(db, organizationId, userId),
    db.insert(memberships).values({ organizationId, userId, role, createdAt: at }),
  ] as const
}
