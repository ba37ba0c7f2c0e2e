import { type SQL, sql } from 'drizzle-orm'

/**
 * Whether a user runs this deployment: an owner or admin of the platform organization.
 *
 * @param userId the user's id as an expression of the surrounding query, such as `users.id`
 */
export const administrates = (userId: SQL) => sql<boolean>`exists (
  select 1 from memberships m join organizations p on p.id = m.organization_id and p.is_platform
  where m.user_id = ${userId} and m.role in ('owner', 'admin'))`
