/** Statements with which a directory adds and removes members. They run under the organization's lock. */
import { sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, type Statement } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { isAddressOf } from '../../db/own-address.ts'
import { memberships } from '../../db/schema/organizations.ts'
import { hasSeat } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { endApplications } from '../../keys/applications.ts'
import { deleteRemoved, insertRemoved } from '../domains/queries.ts'
import { deleteMembership } from '../members/queries.ts'
import { leaveSessions } from '../queries.ts'
import { selectRole } from './roles.ts'

/** A user's current role in an organization, and the role that its directory gives them. */
export interface Place {
  readonly userId: string
  /** Null if they are not a member. */
  readonly present: Role | null
  readonly given: Role
}

const presentRole = (organizationId: string, userId: string) => sql`(
  select m.role from memberships m where m.organization_id = ${organizationId}::uuid and m.user_id = ${userId}::uuid)`

export async function findPlace(db: Database, organizationId: string, userId: string): Promise<Place> {
  const { rows } = await db.execute<{ present: Role | null; given: Role | null }>(sql`
    select ${presentRole(organizationId, userId)} as present, ${selectRole(organizationId, sql`${userId}::uuid`)} as given`)
  return { userId, present: rows[0]?.present ?? null, given: rows[0]?.given ?? 'viewer' }
}

/** Whether a user's role is unchanged since it was read. Evaluated under the organization's lock. */
export const isStill = (organizationId: string, { userId, present }: Place) =>
  sql`${presentRole(organizationId, userId)} is not distinct from ${present}::text`

/** Whether a user's current, confirmed address is in one of the organization's verified domains. */
const hasOwnAddress = (organizationId: string, userId: string) => sql`exists (
  select 1 from users a where a.id = ${userId}::uuid and a.email_verified_at is not null
    and ${isAddressOf(organizationId, sql`a.email`)})`

/** Adds or removes a member, as the directory requests; changes nothing if that is already so. */
export function moved(
  deps: ManagementDeps,
  organizationId: string,
  { place, isActive }: { readonly place: Place; readonly isActive: boolean },
): Statement[] {
  if (isActive && place.present !== null) return []
  if (!isActive && place.present === null) return [endApplications(deps, place.userId, organizationId)] // a repeat
  return isActive ? insertMember(deps, organizationId, place) : removeMember(deps, organizationId, place)
}

/** Adds a member. Lets in users who were removed before: the directory acts for the organization. */
function insertMember(deps: ManagementDeps, organizationId: string, { userId, given: role }: Place): Statement[] {
  const { db } = deps
  return [
    requireThat(db, hasOwnAddress(organizationId, userId), 'sso_address_refused'),
    requireThat(db, hasSeat(organizationId), 'seat_limit_reached'),
    deleteRemoved(db, organizationId, userId),
    db.insert(memberships).values({ organizationId, userId, role, createdAt: new Date(deps.now()) }),
    audited(deps, {
      action: 'member.joined',
      actor: undefined,
      organizationId,
      target: { type: 'user', id: userId },
      detail: { role, by: 'directory' },
    }),
  ]
}

function removeMember(deps: ManagementDeps, organizationId: string, { userId: id, present }: Place): Statement[] {
  const { db } = deps
  return [
    deleteMembership(db, organizationId, id),
    leaveSessions(db, organizationId, id),
    endApplications(deps, id, organizationId),
    insertRemoved(db, organizationId, id, new Date(deps.now())),
    audited(deps, {
      action: 'member.removed',
      actor: undefined,
      organizationId,
      target: { type: 'user', id },
      detail: { from: present, by: 'directory' },
    }),
  ]
}
