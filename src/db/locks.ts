import { eq, sql } from 'drizzle-orm'
import type { Database } from './orm.ts'
import { organizations } from './schema/organizations.ts'
import { users } from './schema/users.ts'

/**
 * The first statement of every batch that changes an organization or who belongs to it: such batches follow each other,
 * and the statements after it find what the earlier one left. It lets rows that refer to the organization come and go,
 * so that a sign-in never waits for it in a circle.
 */
export function lockOrganization(db: Database, organizationId: string) {
  return db
    .select({ id: organizations.id })
    .from(organizations)
    .where(eq(organizations.id, organizationId))
    .for('no key update')
}

/** The same for all organizations of a user, always in the same order, so that none waits in a ring. Nor does a sign-in or a switch: they hold what the batch needs next, and get what they need of an organization. */
export function lockOrganizationsOf(db: Database, userId: string) {
  return db.execute(sql`
    select id from organizations where id in (select organization_id from memberships where user_id = ${userId}::uuid)
    order by id for no key update`)
}

/**
 * The first statement of every batch that makes or uses tokens of a user: such batches follow each other, so that of two
 * requests at once one token is left, and none waits for the other in a circle.
 */
export function lockUser(db: Database, userId: string) {
  return db.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update')
}
