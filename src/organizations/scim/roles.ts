import { sql } from 'drizzle-orm'
import { audited } from '../../audit/record.ts'
import { permissionsOf } from '../../auth/role-permissions.ts'
import type { Role } from '../../auth/roles.ts'
import { requireThat, tryBatch } from '../../db/batch.ts'
import { lockOrganization } from '../../db/locks.ts'
import type { ManagementDeps } from '../../deps.ts'
import { untilDone } from '../until-done.ts'

/** Members whose roles are changed in one batch. */
const TOGETHER = 50

const allowed = (organizationId: string) => permissionsOf(sql`${organizationId}::uuid`, sql`g.role`)

/** The role that a directory gives to somebody: that of their groups which allows the most, else its default. @param userId an expression */
export const roleOf = (organizationId: string, userId: ReturnType<typeof sql>) => sql`coalesce(
  (select g.role from directory_group_members gm
    join directory_groups g on g.organization_id = gm.organization_id and g.id = gm.group_id
    where gm.organization_id = ${organizationId}::uuid and gm.user_id = ${userId} and ${allowed(organizationId)} is not null
    order by cardinality(${allowed(organizationId)}) desc, g.role limit 1),
  (select d.default_role from directories d where d.organization_id = ${organizationId}::uuid))`

/** Members of the directory whose role is another one than it says. Owners are what other owners made them. */
const selectUnsettled = (organizationId: string) => sql`
  select m.user_id, m.role as was, ${roleOf(organizationId, sql`m.user_id`)} as role
  from memberships m
  join directory_users u on u.organization_id = m.organization_id and u.user_id = m.user_id
  where m.organization_id = ${organizationId}::uuid and m.role <> 'owner'
    and m.role <> ${roleOf(organizationId, sql`m.user_id`)}
  order by m.user_id limit ${TOGETHER}`

/** Gives the members whom a directory has sent the roles that it says. Idempotent, so that the next change does what one left undone. */
export async function settleRoles(deps: ManagementDeps, organizationId: string): Promise<void> {
  const { db } = deps
  await untilDone(async () => {
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
