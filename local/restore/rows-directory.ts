import { hasUser, newest, type Rows } from './parts.ts'

/** The precision of a directory's last use (organizations/scim/authenticate.ts). */
export const USE_STEP = `interval '5 minutes'`

const usedAt = '(select d.last_used_at from directories d where d.organization_id = t.organization_id)'
/** The directory here was not used after the former one. What was removed there is already removed (removals.ts). */
const isAsUsed = `exists (select from directories d where d.organization_id = r.organization_id
  and coalesce(d.last_used_at, '-infinity') <= (item->>'acted_at')::timestamptz)`
const sent = { part: 'access', since: `${usedAt} >= $1`, actedAt: usedAt } as const

/** Directories, and what they sent since: a person or a group that was removed gives no role any more. */
export const DIRECTORY: readonly Rows[] = [
  {
    part: 'access',
    table: 'directories',
    since: 'greatest(t.updated_at, t.last_used_at) >= $1',
    key: ['organization_id'],
    update: `${newest('token_hash', 'default_role')}, updated_at = greatest(t.updated_at, r.updated_at),
      last_used_at = greatest(t.last_used_at, r.last_used_at)`,
    updateIf: `(t.updated_at, coalesce(t.last_used_at, '-infinity')) <> (r.updated_at, coalesce(r.last_used_at, '-infinity'))`,
  },
  { ...sent, table: 'directory_users', key: ['organization_id', 'user_id'], insertIf: `${isAsUsed} and ${hasUser}` },
  { ...sent, table: 'directory_groups', key: ['id'], insertIf: isAsUsed },
  {
    ...sent,
    table: 'directory_group_members',
    key: ['organization_id', 'group_id', 'user_id'],
    insertIf: `${isAsUsed} and exists (select from directory_groups g where g.organization_id = r.organization_id and g.id = r.group_id)
      and exists (select from directory_users u where u.organization_id = r.organization_id and u.user_id = r.user_id)`,
  },
]
