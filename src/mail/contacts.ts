import { type SQL, sql } from 'drizzle-orm'

/** Somebody who is notified by email about an organization. */
export interface Contact {
  readonly email: string
  readonly name: string | null
}

/**
 * Selects the owners and admins of an organization as a JSON array.
 *
 * @param organizationId as an expression of the surrounding query, such as `o.id`
 */
export const selectContacts = (organizationId: SQL) => sql<Contact[]>`coalesce((
  select json_agg(json_build_object('email', u.email, 'name', u.name) order by u.id)
  from memberships m join users u on u.id = m.user_id and u.is_active
  where m.organization_id = ${organizationId} and m.role in ('owner', 'admin')), '[]'::json)`
