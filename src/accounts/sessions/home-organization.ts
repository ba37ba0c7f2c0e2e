import { type SQL, sql } from 'drizzle-orm'

/**
 * The organization a session acts for until its user switches: their personal one, else the one they joined first.
 *
 * @param userId the user's id as an expression of the surrounding query, such as `users.id`
 */
export const defaultOrganization = (userId: SQL) => sql<string | null>`(
  select m.organization_id from memberships m join organizations o on o.id = m.organization_id
  where m.user_id = ${userId} order by (o.is_personal and m.role = 'owner') desc, m.created_at, m.organization_id limit 1)`
