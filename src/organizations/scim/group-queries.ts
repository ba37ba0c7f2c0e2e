import { type SQL, sql } from 'drizzle-orm'
import type { Database } from '../../db/orm.ts'
import type { Columns } from './filter-sql.ts'
import type { Source } from './search.ts'

/** A group as the directory sent it. */
export interface GroupRow extends Record<string, unknown> {
  readonly id: string
  readonly display_name: string
  readonly external_id: string | null
  readonly version: number
  readonly created_at: string
  readonly updated_at: string
  readonly members: readonly { readonly value: string; readonly display: string }[]
}

/** The attributes of a group that a filter may use (RFC 7643 §4.2). */
const GROUP_COLUMNS: Columns = {
  id: { kind: 'exact', sql: sql`g.id::text` },
  externalid: { kind: 'exact', sql: sql`g.external_id` },
  displayname: { kind: 'text', sql: sql`g.display_name` },
  'meta.created': { kind: 'time', sql: sql`g.created_at` },
  'meta.lastmodified': { kind: 'time', sql: sql`g.updated_at` },
  members: {
    kind: 'list',
    exists: (condition) => sql`exists (
      select 1 from directory_group_members gm
      join directory_users u on u.organization_id = gm.organization_id and u.user_id = gm.user_id
      where gm.organization_id = g.organization_id and gm.group_id = g.id and ${condition})`,
    of: {
      value: { kind: 'exact', sql: sql`u.user_id::text` },
      display: { kind: 'text', sql: sql`u.user_name` },
    },
  },
}

const COLUMNS = sql`g.id, g.display_name, g.external_id, g.version, g.created_at, g.updated_at, (
    select coalesce(jsonb_agg(jsonb_build_object('value', u.user_id, 'display', u.user_name) order by u.user_id), '[]')
    from directory_group_members gm
    join directory_users u on u.organization_id = gm.organization_id and u.user_id = gm.user_id
    where gm.organization_id = g.organization_id and gm.group_id = g.id) as members`

export const GROUPS: Source = {
  columns: GROUP_COLUMNS,
  select: COLUMNS,
  from: (organizationId) => sql`from directory_groups g where g.organization_id = ${organizationId}::uuid`,
  order: sql`g.created_at, g.id`,
}

export async function findGroup(db: Database, organizationId: string, id: string): Promise<GroupRow | undefined> {
  const { rows } = await db.execute<GroupRow>(
    sql`select ${GROUPS.select} ${GROUPS.from(organizationId)} and g.id = ${id}::uuid`,
  )
  return rows[0]
}

/** Whether a group is unchanged since it was read. Evaluated under the organization's lock. */
export const isAsRead = (organizationId: string, { id, version }: GroupRow): SQL => sql`exists (
  select 1 from directory_groups g where g.organization_id = ${organizationId}::uuid and g.id = ${id}::uuid
    and g.version = ${version}::int)`

/** Whether all of these are users of the directory. */
export const areUsers = (organizationId: string, ids: readonly string[]): SQL => sql`(
  select count(*) from directory_users u where u.organization_id = ${organizationId}::uuid
    and u.user_id in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))
  ) = ${ids.length}::int`

export const hasRoom = (organizationId: string, most: number): SQL =>
  sql`(select count(*) from directory_groups g where g.organization_id = ${organizationId}::uuid) < ${most}::int`

/** Statements that set exactly these members of a group. */
export const setMembers = (db: Database, organizationId: string, groupId: string, ids: readonly string[]) => [
  db.execute(sql`delete from directory_group_members gm where gm.organization_id = ${organizationId}::uuid
    and gm.group_id = ${groupId}::uuid
    and gm.user_id not in (select value::uuid from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb))`),
  db.execute(sql`insert into directory_group_members (organization_id, group_id, user_id)
    select ${organizationId}::uuid, ${groupId}::uuid, value::uuid
    from jsonb_array_elements_text(${JSON.stringify(ids)}::jsonb) order by 3 on conflict do nothing`),
]
