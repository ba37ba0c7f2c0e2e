import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import type { PersonAttributes } from '../../db/schema/directories.ts'
import type { Columns } from './filter-sql.ts'
import type { Source } from './search.ts'

/** A user as the directory sent them, and their standing in the organization. */
export interface UserRow extends Record<string, unknown> {
  readonly id: string
  readonly user_name: string
  readonly external_id: string | null
  readonly attributes: PersonAttributes
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
  readonly is_active: boolean
  readonly groups: readonly { readonly value: string; readonly display: string }[]
}

const IS_MEMBER = sql`(m.user_id is not null)`

/** The attributes of a user that a filter may use (RFC 7643 §4.1). */
const USER_COLUMNS: Columns = {
  id: { kind: 'exact', sql: sql`u.user_id::text` },
  externalid: { kind: 'exact', sql: sql`u.external_id` },
  username: { kind: 'text', sql: sql`u.user_name` },
  displayname: { kind: 'text', sql: sql`u.attributes->>'displayName'` },
  'name.formatted': { kind: 'text', sql: sql`u.attributes#>>'{name,formatted}'` },
  'name.givenname': { kind: 'text', sql: sql`u.attributes#>>'{name,givenName}'` },
  'name.familyname': { kind: 'text', sql: sql`u.attributes#>>'{name,familyName}'` },
  active: { kind: 'boolean', sql: IS_MEMBER },
  'meta.created': { kind: 'time', sql: sql`u.created_at` },
  'meta.lastmodified': { kind: 'time', sql: sql`u.updated_at` },
  emails: {
    kind: 'list',
    exists: (condition) => sql`exists (
      select 1 from jsonb_array_elements(coalesce(u.attributes->'emails', '[]')) as listed(address) where ${condition})`,
    of: {
      value: { kind: 'text', sql: sql`address->>'value'` },
      type: { kind: 'text', sql: sql`address->>'type'` },
      primary: { kind: 'boolean', sql: sql`coalesce((address->>'primary')::boolean, false)` },
    },
  },
  groups: {
    kind: 'list',
    exists: (condition) => sql`exists (
      select 1 from directory_group_members gm
      join directory_groups g on g.organization_id = gm.organization_id and g.id = gm.group_id
      where gm.organization_id = u.organization_id and gm.user_id = u.user_id and ${condition})`,
    of: {
      value: { kind: 'exact', sql: sql`g.id::text` },
      display: { kind: 'text', sql: sql`g.display_name` },
    },
  },
}

const FROM = sql`from directory_users u
  left join memberships m on m.organization_id = u.organization_id and m.user_id = u.user_id`

const COLUMNS = sql`u.user_id as id, u.user_name, u.external_id, u.attributes, u.version, u.created_at, u.updated_at,
  ${IS_MEMBER} as is_active, (
    select coalesce(jsonb_agg(jsonb_build_object('value', g.id, 'display', g.display_name) order by g.id), '[]')
    from directory_group_members gm
    join directory_groups g on g.organization_id = gm.organization_id and g.id = gm.group_id
    where gm.organization_id = u.organization_id and gm.user_id = u.user_id) as groups`

export const USERS: Source = {
  columns: USER_COLUMNS,
  select: COLUMNS,
  from: (organizationId) => sql`${FROM} where u.organization_id = ${organizationId}::uuid`,
  order: sql`u.created_at, u.user_id`,
}

export async function findUser(db: Database, organizationId: string, id: string): Promise<UserRow | undefined> {
  const { rows } = await db.execute<UserRow>(
    sql`select ${USERS.select} ${USERS.from(organizationId)} and u.user_id = ${id}::uuid`,
  )
  return rows[0]
}

/** Whether a user is unchanged since they were read. Evaluated under the organization's lock. */
export const isAsRead = (organizationId: string, { id, version }: UserRow): SQL => sql`exists (
  select 1 from directory_users u where u.organization_id = ${organizationId}::uuid and u.user_id = ${id}::uuid
    and u.version = ${version}::int)`

/** @param most the limit per organization */
export const hasRoom = (organizationId: string, most: number): SQL =>
  sql`(select count(*) from directory_users u where u.organization_id = ${organizationId}::uuid) < ${most}::int`

export const isDirectory = (organizationId: string): SQL =>
  sql`exists (select 1 from directories d where d.organization_id = ${organizationId}::uuid)`
