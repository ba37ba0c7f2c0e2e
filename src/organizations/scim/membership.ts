/** Statements by which a directory makes somebody a member, and takes them out again. They run under the organization's lock. */
import { sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, type Statement } from '../../db/batch.ts'
import type { Database } from '../../db/orm.ts'
import { memberships } from '../../db/schema/organizations.ts'
import { hasSeat } from '../../db/seats.ts'
import type { ManagementDeps } from '../../deps.ts'
import { deleteRemoved, insertRemoved } from '../domains/queries.ts'
import { deleteMembership } from '../members/queries.ts'
import { leaveSessions } from '../queries.ts'
import { roleOf } from './roles.ts'
import type { UserRow } from './user-queries.ts'

/** What somebody is in an organization, and would be as one of its directory's people. */
export interface Place {
  readonly userId: string
  readonly role: Role
  readonly isMember: boolean
}

const isMember = (organizationId: string, userId: string) => sql`exists (
  select 1 from memberships m where m.organization_id = ${organizationId}::uuid and m.user_id = ${userId}::uuid)`

export async function findPlace(db: Database, organizationId: string, userId: string): Promise<Place> {
  const { rows } = await db.execute<{ role: Role | null; member: boolean }>(sql`
    select ${roleOf(organizationId, sql`${userId}::uuid`)} as role, ${isMember(organizationId, userId)} as member`)
  return { userId, role: rows[0]?.role ?? 'viewer', isMember: rows[0]?.member === true }
}

/** Whether somebody is a member exactly if they were before. */
export const isStill = (organizationId: string, place: Place) =>
  sql`${isMember(organizationId, place.userId)} = ${place.isMember}::boolean`

/** Makes somebody a member who is none. Whoever was removed is let in again: the directory is the organization's own. */
export function joined(deps: ManagementDeps, organizationId: string, { userId, role }: Place): Statement[] {
  const { db } = deps
  return [
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

export function left(deps: ManagementDeps, organizationId: string, { id, role }: UserRow): Statement[] {
  const { db } = deps
  return [
    deleteMembership(db, organizationId, id),
    leaveSessions(db, organizationId, id),
    insertRemoved(db, organizationId, id, new Date(deps.now())),
    audited(deps, {
      action: 'member.removed',
      actor: undefined,
      organizationId,
      target: { type: 'user', id },
      detail: { from: role, by: 'directory' },
    }),
  ]
}
