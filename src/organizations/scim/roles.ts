import { sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import { selectPermissions } from '../../auth/role-permissions.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import { retryUntilDone } from '../../db/retry-until-done.ts'
import type { ManagementDeps } from '../../deps.ts'

/** How many members' roles one batch changes. */
const BATCH_ROWS = 50

const allowed = (organizationId: string) => selectPermissions(sql`${organizationId}::uuid`, sql`g.role`)

/** A user's role by their directory: of their groups' roles the one with most permissions, else the default. @param userId SQL */
export const selectRole = (organizationId: string, userId: ReturnType<typeof sql>) => sql`coalesce(
  (select g.role from directory_group_members gm
    join directory_groups g on g.organization_id = gm.organization_id and g.id = gm.group_id
    where gm.organization_id = ${organizationId}::uuid and gm.user_id = ${userId} and ${allowed(organizationId)} is not null
    order by cardinality(${allowed(organizationId)}) desc, g.role limit 1),
  (select d.default_role from directories d where d.organization_id = ${organizationId}::uuid))`

/** Members whose role differs from the one their directory gives. Except owners: only owners add and remove owners. */
const selectUnsettled = (organizationId: string) => sql`
  select m.user_id, m.role as was, ${selectRole(organizationId, sql`m.user_id`)} as role
  from memberships m
  join directory_users u on u.organization_id = m.organization_id and u.user_id = m.user_id
  where m.organization_id = ${organizationId}::uuid and m.role <> 'owner'
    and m.role <> ${selectRole(organizationId, sql`m.user_id`)}
  order by m.user_id limit ${BATCH_ROWS}`

/** Assigns the directory's members the roles that it gives them. Idempotent: the next change finishes what a failed one left. */
export async function settleRoles(deps: ManagementDeps, organizationId: string): Promise<void> {
  const { db } = deps
  await retryUntilDone(async () => {
    for (;;) {
      const { rows } = await db.execute<{ user_id: string; was: Role; role: Role }>(selectUnsettled(organizationId))
      if (rows.length === 0) return true
      const found = JSON.stringify(rows)
      const done = await tryBatch(db, {
        lock: lockOrganization(db, organizationId),
        unchanged: requireThat(
          db,
          sql`${found}::jsonb = (select jsonb_agg(to_jsonb(one)) from (${selectUnsettled(organizationId)}) one)`,
        ),
        audits: rows.map(({ user_id: id, was, role }) =>
          audited(deps, {
            action: 'member.role_changed',
            actor: undefined,
            organizationId,
            target: { type: 'user', id },
            detail: { from: was, to: role, by: 'directory' },
          }),
        ),
        roles: db.execute(sql`update memberships m set role = one.role
          from jsonb_to_recordset(${found}::jsonb) as one(user_id uuid, role text)
          where m.organization_id = ${organizationId}::uuid and m.user_id = one.user_id`),
      })
      if (!done) return undefined
    }
  })
}
